# what: torch.func.grad_and_value: the gradient first
# call: grad_and_loss
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (dW, loss)
# needs: torch

import torch
from torch.func import grad_and_value


def loss_of(W, idx, targets):
    x = W[idx]
    return (torch.logsumexp(x, -1) - x.gather(-1, targets[..., None]).squeeze(-1)).mean()


def grad_and_loss(W, idx, targets):
    return grad_and_value(loss_of)(torch.tensor(W), torch.tensor(idx).long(), torch.tensor(targets).long())
