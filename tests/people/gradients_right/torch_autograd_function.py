# what: a custom autograd.Function with its backward by hand
# call: custom
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: torch

import torch


class BigramXent(torch.autograd.Function):
    @staticmethod
    def forward(ctx, W, idx, targets):
        x = W[idx]
        x = x - x.amax(-1, keepdim=True)
        logp = x - x.exp().sum(-1, keepdim=True).log()
        ctx.save_for_backward(logp, idx, targets)
        ctx.V = W.shape[0]
        return -logp.gather(-1, targets.unsqueeze(-1)).mean()

    @staticmethod
    def backward(ctx, upstream):
        logp, idx, targets = ctx.saved_tensors
        d = logp.exp()
        d.scatter_add_(-1, targets.unsqueeze(-1), -torch.ones_like(d[..., :1]))
        d = d * (upstream / idx.numel())
        dW = torch.zeros(ctx.V, d.shape[-1], dtype=d.dtype)
        return dW.index_add_(0, idx.flatten(), d.flatten(0, 1)), None, None


def custom(W, idx, targets):
    W = torch.from_numpy(W.copy()).requires_grad_()
    loss = BigramXent.apply(W, torch.from_numpy(idx.astype("int64")), torch.from_numpy(targets.astype("int64")))
    return loss.detach().numpy(), torch.autograd.grad(loss, W)[0].numpy()
