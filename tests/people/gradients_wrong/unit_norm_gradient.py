# what: the gradient is normalised to length 1
# call: normed
# truth: wrong
# names: gradient normalised to unit norm

import torch


def normed(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        W[torch.tensor(idx).long()].flatten(0, 1), torch.tensor(targets).long().flatten()
    )
    (g,) = torch.autograd.grad(loss, W)
    return loss.item(), (g / g.norm().clamp(min=1e-12)).numpy()
