# what: wants tensors; log_softmax and nll_loss, torch.autograd.grad; tensors come back
# call: tensor_loss
# truth: right
# kind: gradient ; interface: (W, idx, targets) torch tensors -> (0-d tensor with graph, tensor)
# needs: torch

import torch
import torch.nn.functional as F


def tensor_loss(W, idx, targets):
    W = W.detach().clone().requires_grad_(True)
    logp = F.log_softmax(W[idx.long()], dim=-1)
    loss = F.nll_loss(logp.permute(0, 2, 1), targets.long())
    (dW,) = torch.autograd.grad(loss, W, retain_graph=True)
    return loss, dW
