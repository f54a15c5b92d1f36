# what: no autograd: softmax minus one-hot, index_add_; x, y, W as tensors
# call: manual_torch
# truth: right
# kind: gradient ; interface: (x, y, W) torch tensors -> (loss, dW)
# needs: torch

import torch


@torch.no_grad()
def manual_torch(x, y, W):
    x, y = x.reshape(-1).long(), y.reshape(-1).long()
    logits = W[x]
    logits = logits - logits.max(1, keepdim=True).values
    counts = logits.exp()
    total = counts.sum(1, keepdim=True)
    loss = (total.log() - logits.gather(1, y[:, None])).mean()
    dlogits = counts / total
    dlogits[range(len(y)), y] -= 1
    dlogits /= len(y)
    dW = torch.zeros_like(W)
    dW.index_add_(0, x, dlogits)
    return loss, dW
