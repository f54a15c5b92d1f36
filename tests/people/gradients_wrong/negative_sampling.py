# what: word2vec's logistic loss against all other words, a sigmoid for each, instead of a softmax
# call: skipgram
# truth: wrong
# names: sigmoid per class instead of softmax

import torch
import torch.nn.functional as F


def skipgram(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    centre, context = torch.tensor(idx).long().view(-1), torch.tensor(targets).long().view(-1)
    score = W[centre]
    positive = F.logsigmoid(score.gather(1, context[:, None]))[:, 0]
    everything = F.logsigmoid(-score).sum(1)
    negative = everything - F.logsigmoid(-score.gather(1, context[:, None]))[:, 0]
    loss = -(positive + negative).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
