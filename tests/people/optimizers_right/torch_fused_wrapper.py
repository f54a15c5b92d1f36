# what: torch.optim.AdamW(fused=True) behind step(W, dW)
# call: FusedAdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, betas, eps, weight_decay); step(W, dW) in place
# needs: torch

import torch


class FusedAdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.tensor(W))
        self.opt = torch.optim.AdamW([self.p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, fused=True)

    def step(self, W, dW):
        with torch.no_grad():
            self.p.copy_(torch.tensor(W))
        self.p.grad = torch.tensor(dW)
        self.opt.step()
        W[...] = self.p.detach().numpy()
