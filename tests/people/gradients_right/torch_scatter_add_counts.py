# what: pair counts by scatter_add on flat indices; tensors in, flat tensor out
# call: count_pairs_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) torch tensors -> (loss, dW of shape (V*V,))
# needs: torch

import torch


def count_pairs_grad(W, idx, targets):
    V, N = W.shape[0], idx.numel()
    key = idx.reshape(-1).long() * V + targets.reshape(-1).long()
    C = torch.zeros(V * V, dtype=W.dtype).scatter_add_(0, key, torch.ones(N, dtype=W.dtype)).view(V, V)
    logp = W.log_softmax(1)
    loss = -(C * logp).sum() / N
    dW = (C.sum(1, keepdim=True) * logp.exp() - C) / N
    return loss, dW.flatten()
