# what: softmax with one added to the sum ("softmax1", an implicit zero logit), in loss and gradient
# call: quiet
# truth: wrong
# names: one added to the softmax sum

import torch


def quiet(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    z = W[torch.tensor(idx).long().reshape(-1)]
    y = torch.tensor(targets).long().reshape(-1, 1)
    zero = torch.zeros(len(z), 1, dtype=z.dtype)
    lse = torch.logsumexp(torch.cat([z, zero], dim=1), dim=1, keepdim=True)
    loss = (lse - z.gather(1, y)).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
