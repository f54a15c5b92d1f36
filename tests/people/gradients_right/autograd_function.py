# what: a torch.autograd.Function with one loss a token whose backward multiplies by grad_output
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch


class TokenLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits, y):
        logp = torch.log_softmax(logits, dim=1)
        ctx.save_for_backward(logp, y)
        return -logp.gather(1, y[:, None]).squeeze(1)

    @staticmethod
    def backward(ctx, grad_output):
        logp, y = ctx.saved_tensors
        grad = logp.exp()
        grad[torch.arange(len(y)), y] -= 1
        return grad * grad_output[:, None], None


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    loss = TokenLoss.apply(table[x], y).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
