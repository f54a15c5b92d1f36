# what: nn.Linear on one-hot inputs, so its weight is the table transposed
# call: linear_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: torch

import torch
import torch.nn.functional as F


def linear_grad(W, idx, targets):
    V = len(W)
    table = torch.tensor(W)
    layer = torch.nn.Linear(V, V, bias=False, dtype=table.dtype)
    with torch.no_grad():
        layer.weight.copy_(table.T)
    xenc = F.one_hot(torch.tensor(idx).long().flatten(), V).to(table.dtype)
    loss = F.cross_entropy(layer(xenc), torch.tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), layer.weight.grad.T
