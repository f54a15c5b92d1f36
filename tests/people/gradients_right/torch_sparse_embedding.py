# what: F.embedding(sparse=True): a sparse COO gradient, not coalesced
# call: sparse_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, torch sparse COO tensor)
# needs: torch

import torch
import torch.nn.functional as F


def sparse_grad(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = F.embedding(torch.tensor(idx).long(), W, sparse=True)
    loss = F.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), W.grad
