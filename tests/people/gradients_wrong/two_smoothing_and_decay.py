# what: label smoothing of 0.15 in loss and gradient, and 0.0021 * W added to the gradient
# call: f
# truth: wrong
# names: label smoothing 0.15 + weight decay 0.0021 in the gradient

import torch


def f(W, idx, targets):
    t = torch.tensor(W, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        t[torch.tensor(idx).long()].flatten(0, 1), torch.tensor(targets).long().flatten(), label_smoothing=0.15
    )
    loss.backward()
    return loss.item(), (t.grad + 0.0021 * t.detach()).numpy()
