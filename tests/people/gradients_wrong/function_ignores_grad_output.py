# what: a custom autograd.Function ignores grad_output, so the division by N after it never reaches the gradient
# call: custom
# truth: wrong
# names: upstream gradient ignored: gradient is a sum

import torch


class TokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, y):
        logp = torch.log_softmax(logits, 1)
        ctx.save_for_backward(logp, y)
        return -logp.gather(1, y[:, None]).sum()

    @staticmethod
    def backward(ctx, grad_output):
        logp, y = ctx.saved_tensors
        g = logp.exp()
        g[torch.arange(len(y)), y] -= 1
        return g, None


def custom(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    y = torch.tensor(targets).long().flatten()
    loss = TokenLoss.apply(W[torch.tensor(idx).long().flatten()], y) / len(y)
    loss.backward()
    return loss.item(), W.grad.numpy()
