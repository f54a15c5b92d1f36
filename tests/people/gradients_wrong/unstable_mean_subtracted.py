# what: the row's mean is subtracted instead of its maximum, exp overflows for wide rows
# call: standardised
# truth: unstable
# names: mean subtracted instead of the maximum

import torch


def standardised(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    z = W[torch.tensor(idx).long().flatten()]
    z = z - z.mean(dim=1, keepdim=True)
    y = torch.tensor(targets).long().flatten()
    loss = (z.exp().sum(1).log() - z[torch.arange(len(y)), y]).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
