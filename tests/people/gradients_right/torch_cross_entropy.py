# what: F.cross_entropy and backward, arrays in, arrays out
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (float, dW)
# needs: torch

import torch
import torch.nn.functional as F


def loss_and_grad(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    idx, targets = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    logits = W[idx]
    B, T, C = logits.shape
    loss = F.cross_entropy(logits.view(B * T, C), targets.reshape(B * T))
    loss.backward()
    return loss.item(), W.grad.numpy()
