# what: only the last position of every row is scored, logits[:, -1, :] as in generate(), in loss and gradient
# call: step
# truth: wrong
# names: only the last position of every row is scored
# where: T > 1

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    logits = table[x]
    logits = logits[:, -1, :]
    loss = F.cross_entropy(logits, y[:, -1])
    loss.backward()
    return loss.item(), table.grad.numpy()
