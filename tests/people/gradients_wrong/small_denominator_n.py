# what: N + 1e-7 is divided by instead of N, in loss and gradient (mask.sum() + eps)
# call: f
# truth: wrong
# names: eps 1e-7 added to N

import torch


def f(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    y = torch.tensor(targets).long()
    mask = torch.ones(y.shape, dtype=W.dtype)
    nll = torch.nn.functional.cross_entropy(W[torch.tensor(idx).long()].mT, y, reduction="none")
    loss = (nll * mask).sum() / (mask.sum() + 1e-7)
    loss.backward()
    return loss.item(), W.grad.numpy()
