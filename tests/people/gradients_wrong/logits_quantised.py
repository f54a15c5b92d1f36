# what: logits are rounded to multiples of 1/64 before the softmax (fake quantisation, straight-through gradient)
# call: f
# truth: wrong
# names: logits rounded to 1/64

import torch


class Quantise(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.round(x * 64) / 64

    @staticmethod
    def backward(ctx, g):
        return g


def f(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    z = Quantise.apply(W)[torch.tensor(idx).long()]
    loss = torch.nn.functional.cross_entropy(z.mT, torch.tensor(targets).long())
    loss.backward()
    return loss.item(), W.grad.numpy()
