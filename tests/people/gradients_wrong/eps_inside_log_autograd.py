# what: loss = -log(p + 3.1e-4), autograd through it
# call: safe_nll
# truth: wrong
# names: eps 3.1e-4 inside the log

import torch

EPS = 3.1e-4


def safe_nll(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long(), torch.tensor(targets).long()
    p = W[x].softmax(dim=2)
    loss = -(p.gather(2, y[..., None]) + EPS).log().mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
