# what: W is float32 and the softmax runs in float16, in loss and gradient
# call: f
# truth: wrong
# names: float16 in loss and gradient
# options: --dtype float32

import torch


def f(W, idx, targets):
    t = torch.tensor(W, requires_grad=True)
    z = t.half()[torch.tensor(idx).long()].flatten(0, 1)
    logp = torch.log_softmax(z, 1)
    y = torch.tensor(targets).long().flatten()
    loss = -logp[torch.arange(len(y)), y].float().mean()
    loss.backward()
    return loss.item(), t.grad.numpy()
