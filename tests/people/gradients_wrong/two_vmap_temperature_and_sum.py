# what: torch.func.vmap of a per-token loss at temperature 0.63, summed over tokens
# call: value_and_grad
# truth: wrong
# names: temperature 0.63 + sum instead of mean

import torch
from torch.func import grad_and_value, vmap


def token_loss(row, y):
    return torch.logsumexp(row / 0.63, 0) - row.gather(0, y[None])[0] / 0.63


def objective(params, xs, ys):
    return vmap(token_loss)(params[xs], ys).sum()


def value_and_grad(W, idx, targets):
    xs, ys = torch.tensor(idx).long().flatten(), torch.tensor(targets).long().flatten()
    g, value = grad_and_value(objective)(torch.tensor(W), xs, ys)
    return value.item(), g.numpy()
