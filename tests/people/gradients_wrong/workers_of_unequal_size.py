# what: two workers get ceil and floor of a third of the tokens, and their means are averaged without weights
# call: ddp
# truth: wrong
# names: mean of two unequal parts' means

import torch
import torch.nn.functional as F


def ddp(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long().flatten(), torch.tensor(targets).long().flatten()
    cut = max(1, len(x) // 3)
    parts = [s for s in (slice(0, cut), slice(cut, None)) if len(x[s])]
    loss = sum(F.cross_entropy(W[x[s]], y[s]) for s in parts) / len(parts)
    loss.backward()
    return loss.item(), W.grad.numpy()
