# what: logits are soft-capped at 7.5 (7.5 * tanh(z / 7.5)), autograd through it
# call: gemma_loss
# truth: wrong
# names: soft cap 7.5 in loss and gradient

import torch


def gemma_loss(W, idx, targets):
    cap = 7.5
    p = torch.nn.Parameter(torch.tensor(W))
    z = p[torch.tensor(idx).long()]
    z = torch.tanh(z / cap) * cap
    y = torch.tensor(targets).long()
    loss = torch.nn.functional.cross_entropy(z.movedim(-1, 1), y)
    loss.backward()
    return loss.item(), p.grad
