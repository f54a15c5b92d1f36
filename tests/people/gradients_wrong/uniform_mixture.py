# what: p is mixed with a uniform 0.013 (language-model interpolation) before the log, autograd through it
# call: interpolated
# truth: wrong
# names: probabilities mixed with uniform 0.013

import torch


def interpolated(W, idx, targets, lam=0.013):
    t = torch.tensor(W, requires_grad=True)
    i, j = torch.tensor(idx).long(), torch.tensor(targets).long()
    p = (1 - lam) * torch.softmax(t[i], -1) + lam / t.shape[1]
    loss = -p.gather(-1, j.unsqueeze(-1)).log().mean()
    loss.backward()
    return loss.item(), t.grad.numpy()
