# what: temperature 1.3 in loss and gradient, and target 0 ignored (divided by the rest)
# call: f
# truth: wrong
# names: temperature 1.3 + target 0 ignored

import torch


def f(W, idx, targets):
    t = torch.tensor(W, requires_grad=True)
    y = torch.tensor(targets).long().flatten()
    z = t[torch.tensor(idx).long().flatten()] / 1.3
    loss = torch.nn.functional.cross_entropy(z, y, ignore_index=0, reduction="sum") / (y != 0).sum().clamp(min=1)
    loss.backward()
    return loss.item(), t.grad.numpy()
