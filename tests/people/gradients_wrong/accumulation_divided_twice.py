# what: each of B micro-batches is divided by B*T already and the sum once more by the number of micro-batches
# call: accumulate
# truth: wrong
# names: gradient divided by B once too often

import torch


def accumulate(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long(), torch.tensor(targets).long()
    steps = len(x)
    total = 0.0
    for xb, yb in zip(x, y):
        loss = torch.nn.functional.cross_entropy(W[xb], yb, reduction="sum") / y.numel()
        (loss / steps).backward()
        total += loss.item()
    return total, W.grad.numpy()
