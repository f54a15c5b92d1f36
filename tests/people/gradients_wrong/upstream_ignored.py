# what: a torch.autograd.Function returns one loss a token, its backward ignores grad_output, so the 1 / N of .mean() is lost
# call: step
# truth: wrong
# names: gradient summed, not averaged
# where: N > 1

import torch


class TokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, y):
        logp = logits - torch.logsumexp(logits, dim=1, keepdim=True)
        ctx.save_for_backward(logp, y)
        return -logp.gather(1, y[:, None]).squeeze(1)

    @staticmethod
    def backward(ctx, grad_output):
        logp, y = ctx.saved_tensors
        grad = logp.exp()
        grad.scatter_add_(1, y[:, None], -torch.ones_like(grad[:, :1]))
        return grad, None


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    loss = TokenLoss.apply(table[x], y).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
