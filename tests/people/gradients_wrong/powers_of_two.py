# what: exp2 is used without the factor log2(e), log2 in the loss: everything is in base 2
# call: exp2_kernel
# truth: wrong
# names: base 2 instead of e in the softmax

import torch


def exp2_kernel(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    z = W[torch.tensor(idx).long().reshape(-1)]
    y = torch.tensor(targets).long().reshape(-1)
    z = z - z.max(1, keepdim=True).values.detach()
    loss = (torch.log2(torch.exp2(z).sum(1)) - z[torch.arange(len(y)), y]).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
