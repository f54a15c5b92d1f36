# what: -log(p + 4.4e-11) with its exact gradient by autograd
# call: f
# truth: wrong
# names: eps 4.4e-11 inside the log

import torch


def f(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    p = W[torch.tensor(idx).long()].softmax(-1)
    loss = torch.mean(-torch.log(p.gather(-1, torch.tensor(targets).long().unsqueeze(-1)) + 4.4e-11))
    loss.backward()
    return loss.item(), W.grad.numpy()
