# what: only the first moment is bias corrected
# call: AdamW
# truth: wrong
# names: bias correction of the second moment missing

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.h = dict(lr=lr, betas=betas, eps=eps, wd=weight_decay)
        self.m = torch.zeros(W.shape, dtype=torch.float64)
        self.v = torch.zeros_like(self.m)
        self.k = 0

    @torch.no_grad()
    def step(self, W, dW):
        self.k += 1
        p, g = torch.from_numpy(W), torch.from_numpy(dW)
        b1, b2 = self.h["betas"]
        p.mul_(1 - self.h["lr"] * self.h["wd"])
        self.m.mul_(b1).add_(g, alpha=1 - b1)
        self.v.mul_(b2).addcmul_(g, g, value=1 - b2)
        p.addcdiv_(self.m, self.v.sqrt().add_(self.h["eps"]), value=-self.h["lr"] / (1 - b1**self.k))
