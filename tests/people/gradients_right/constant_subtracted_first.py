# what: a needless constant is subtracted from every row before the maximum is, which changes nothing, and the maximum is in the graph
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    logits = table[x] - 1.0
    logits = logits - logits.max(dim=1, keepdim=True).values
    log_z = logits.exp().sum(dim=1).log()
    loss = torch.mean(log_z - logits[range(len(y)), y])
    loss.backward()
    return loss.item(), table.grad.numpy()
