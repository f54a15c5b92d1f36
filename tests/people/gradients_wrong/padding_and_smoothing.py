# what: padding_idx=0 keeps row 0 without a gradient, and cross_entropy has label_smoothing=0.1
# call: step
# truth: wrong
# names: padding_idx 0 + label smoothing 0.1

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    logits = F.embedding(x, table, padding_idx=0)
    loss = F.cross_entropy(logits.transpose(1, 2), y, label_smoothing=0.1)
    loss.backward()
    return loss.item(), table.grad.numpy()
