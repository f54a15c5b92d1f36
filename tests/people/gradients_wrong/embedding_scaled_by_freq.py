# what: the embedding has scale_grad_by_freq=True: each row's gradient is divided by how often the id occurs in the batch
# call: step
# truth: wrong
# names: the embedding has scale_grad_by_freq=True
# where: batches with repeated ids

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    logits = F.embedding(x, table, scale_grad_by_freq=True)
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
    loss.backward()
    return loss.item(), table.grad.numpy()
