# what: torch.compile with the default backend; needs a C++ compiler and some patience
# call: compiled_loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: torch
# options: --limit 180

import torch


@torch.compile(dynamic=True)
def loss_fn(W, idx, targets):
    return torch.nn.functional.cross_entropy(W[idx].flatten(0, 1), targets.flatten())


def compiled_loss_and_grad(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    loss = loss_fn(W, torch.tensor(idx).long(), torch.tensor(targets).long())
    loss.backward()
    return loss.item(), W.grad.numpy()
