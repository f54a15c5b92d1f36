# what: softmax backward is p * (g - sum(g)), the sum is not weighted with p
# call: step
# truth: wrong
# names: softmax Jacobian's sum not weighted
# where: everywhere; 0/0 in extreme logits comes on top, since g = -onehot / p

import torch


class Softmax(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        p = torch.exp(z - z.max(dim=-1, keepdim=True).values)
        p = p / p.sum(dim=-1, keepdim=True)
        ctx.save_for_backward(p)
        return p

    @staticmethod
    def backward(ctx, g):
        (p,) = ctx.saved_tensors
        return p * (g - g.sum(dim=-1, keepdim=True))


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().view(-1), torch.as_tensor(targets).long().view(-1)
    p = Softmax.apply(table[x])
    loss = -p[torch.arange(len(y)), y].log().mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
