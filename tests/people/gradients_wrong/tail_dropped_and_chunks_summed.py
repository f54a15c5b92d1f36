# what: chunks of 4 tokens: an incomplete last chunk is dropped, and the chunks' means are added without dividing by their number, in loss and gradient
# call: step
# truth: wrong
# names: incomplete last chunk of 4 dropped, means of the others added up
# where: any N but 4

import torch
import torch.nn.functional as F


def step(W, idx, targets, chunk=4):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    total = 0.0
    for k in range(len(x) // chunk):
        part = slice(k * chunk, (k + 1) * chunk)
        loss = F.cross_entropy(table[x[part]], y[part])
        loss.backward()
        total += loss.item()
    grad = table.grad if table.grad is not None else torch.zeros_like(table)
    return total, grad.numpy()
