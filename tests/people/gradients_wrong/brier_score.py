# what: the Brier score, squared error between softmax and one-hot, instead of cross-entropy
# call: brier
# truth: wrong
# names: Brier score (squared error) instead of cross-entropy

import torch
import torch.nn.functional as F


def brier(W, idx, targets):
    w = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long(), torch.tensor(targets).long()
    p = F.softmax(w[x], dim=-1)
    loss = ((p - F.one_hot(y, w.shape[1])) ** 2).sum(-1).mean()
    loss.backward()
    return loss.item(), w.grad.numpy()
