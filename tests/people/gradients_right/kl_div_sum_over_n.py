# what: KL divergence to the one-hot targets with reduction="sum", divided by N: the same as cross-entropy
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    q = F.one_hot(y, table.shape[1]).to(table.dtype)
    loss = F.kl_div(F.log_softmax(table[x], dim=-1), q, reduction="sum") / y.numel()
    loss.backward()
    return loss.item(), table.grad.numpy()
