# what: step(W, dW) around torch.optim.AdamW with a parameter of its own, copied in and out at each step
# call: AdamW
# truth: right
# kind: optimizer
# needs: torch

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.from_numpy(W.copy()))
        self.opt = torch.optim.AdamW([self.p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self, W, dW):
        with torch.no_grad():
            self.p.copy_(torch.from_numpy(W))
        self.p.grad = torch.from_numpy(dW.copy())
        self.opt.step()
        self.opt.zero_grad()
        W[:] = self.p.detach().numpy()
