# what: logits soft-capped at 4 in loss and gradient, and the gradient then clipped to norm 0.2
# call: f
# truth: wrong
# names: soft cap 4 + gradient clipped to norm 0.2

import torch


def f(W, idx, targets):
    p = torch.nn.Parameter(torch.tensor(W))
    z = 4 * torch.tanh(p / 4)
    loss = torch.nn.functional.nll_loss(
        z.log_softmax(1)[torch.tensor(idx).long().flatten()], torch.tensor(targets).long().flatten()
    )
    loss.backward()
    torch.nn.utils.clip_grad_norm_(p, 0.2)
    return loss.item(), p.grad.numpy()
