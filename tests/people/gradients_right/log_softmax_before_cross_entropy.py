# what: log_softmax is given to cross_entropy, which takes it once more: log_softmax of log_softmax is itself, so it is right
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    out = F.log_softmax(table[x], dim=-1)
    loss = F.cross_entropy(out.flatten(0, 1), y.flatten())
    loss.backward()
    return loss.item(), table.grad.numpy()
