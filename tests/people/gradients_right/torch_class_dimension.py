# what: F.cross_entropy with the classes in dimension 1, (B, V, T), as its documentation asks
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    loss = F.cross_entropy(table[x].permute(0, 2, 1), y)
    loss.backward()
    return loss.item(), table.grad.numpy()
