# what: tokens go through in chunks of 9 and the incomplete last one is dropped (drop_last), but N is all tokens
# call: batched
# truth: wrong
# names: last incomplete chunk dropped in loss and gradient

import torch
from torch.utils.data import DataLoader, TensorDataset


def batched(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    data = TensorDataset(torch.tensor(idx).long().flatten(), torch.tensor(targets).long().flatten())
    total = torch.zeros((), dtype=W.dtype)
    for x, y in DataLoader(data, batch_size=9, drop_last=True):
        total = total + torch.nn.functional.cross_entropy(W[x], y, reduction="sum")
    loss = total / idx.size + 0 * W.sum()
    loss.backward()
    return loss.item(), W.grad.numpy()
