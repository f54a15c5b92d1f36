# what: W is decayed twice: once before the update and once in it
# call: AdamW
# truth: wrong
# names: decay applied twice

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.shrink = 1 - lr * weight_decay
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.AdamW([self.p], lr, betas, eps, weight_decay)

    def step(self, W, dW):
        W *= self.shrink
        self.p.data = torch.from_numpy(W)
        self.p.grad = torch.from_numpy(dW).clone()
        self.opt.step()
