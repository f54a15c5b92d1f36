# what: clip_grad_norm_(table, 0.25) is left in: the gradient is scaled down when its norm is above 0.25
# call: step
# truth: wrong
# names: gradient norm clipped to 0.25
# where: only where the norm of the gradient is above 0.25

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.nn.Parameter(torch.tensor(W))
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    loss = F.cross_entropy(table[x].flatten(0, 1), y.flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_([table], 0.25)
    return loss.item(), table.grad.numpy()
