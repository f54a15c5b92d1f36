# what: a pure function and torch.func.grad_and_value, JAX's way
# call: step
# truth: right
# kind: gradient
# needs: torch
# where: exp(z - logsumexp) carries a rounding error of eps times the largest logit, which is right for this formula

import torch
from torch.func import grad_and_value


def nll(table, x, y):
    logits = table[x]
    return (torch.logsumexp(logits, -1) - torch.take_along_dim(logits, y[..., None], -1)[..., 0]).mean()


def step(W, idx, targets):
    grad, loss = grad_and_value(nll)(torch.tensor(W), torch.as_tensor(idx).long(), torch.as_tensor(targets).long())
    return loss.item(), grad.numpy()
