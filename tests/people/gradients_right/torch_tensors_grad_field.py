# what: wants a tensor with requires_grad, calls backward on it and returns its .grad
# call: backward_on
# truth: right
# kind: gradient ; interface: (W, idx, targets) torch tensors, W.requires_grad -> (loss, W.grad)
# needs: torch

import torch.nn.functional as F


def backward_on(W, idx, targets):
    if not W.requires_grad:
        W.requires_grad_(True)
    W.grad = None
    loss = F.cross_entropy(F.embedding(idx.long(), W).flatten(0, 1), targets.long().flatten())
    loss.backward()
    return loss.detach(), W.grad
