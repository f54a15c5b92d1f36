# what: a z-loss of 5e-3 in loss and gradient, both then divided by ln 2
# call: f
# truth: wrong
# names: z-loss 5e-3 + bits instead of nats

import math
import torch


def f(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    z = W[torch.tensor(idx).long().flatten()]
    lse = z.logsumexp(1)
    nll = lse - z.gather(1, torch.tensor(targets).long().view(-1, 1)).squeeze(1)
    loss = (nll + 5e-3 * lse**2).mean() / math.log(2)
    loss.backward()
    return loss.item(), W.grad.numpy()
