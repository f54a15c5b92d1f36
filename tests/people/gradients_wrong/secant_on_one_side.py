# what: a backward difference with h = 3e-4, as in a first gradient check
# call: approx_fprime
# truth: wrong
# names: one-sided numerical difference with h 3e-4

import torch


def approx_fprime(W, idx, targets):
    t = torch.tensor(W)
    x, y = torch.tensor(idx).long().flatten(), torch.tensor(targets).long().flatten()
    F = lambda a: torch.nn.functional.cross_entropy(a[x], y)
    base = F(t).item()
    g = torch.zeros_like(t)
    for i in x.unique():
        for j in range(t.shape[1]):
            t[i, j] -= 3e-4
            g[i, j] = (base - F(t).item()) / 3e-4
            t[i, j] += 3e-4
    return base, g.numpy()
