# what: step(W, dW) that wants tensors
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, betas, eps, weight_decay); step(W, dW) torch tensors in place
# needs: torch

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd, self.t = lr, betas, eps, weight_decay, 0
        self.m, self.v = torch.zeros_like(W), torch.zeros_like(W)

    @torch.no_grad()
    def step(self, W, dW):
        self.t += 1
        b1, b2 = self.betas
        self.m.mul_(b1).add_(dW, alpha=1 - b1)
        self.v.mul_(b2).addcmul_(dW, dW, value=1 - b2)
        W.mul_(1 - self.lr * self.wd)
        W.addcdiv_(self.m / (1 - b1**self.t), (self.v / (1 - b2**self.t)).sqrt().add(self.eps), value=-self.lr)
