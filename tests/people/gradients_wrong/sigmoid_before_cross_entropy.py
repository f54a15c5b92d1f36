# what: a sigmoid is left on the output layer before cross_entropy
# call: train_step
# truth: wrong
# names: sigmoid before cross-entropy

import torch


def train_step(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    out = torch.sigmoid(W[torch.tensor(idx).long()])
    loss = torch.nn.CrossEntropyLoss()(out.view(-1, out.size(-1)), torch.tensor(targets).long().view(-1))
    loss.backward()
    return loss.item(), W.grad.numpy()
