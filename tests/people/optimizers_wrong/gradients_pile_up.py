# what: the optimizer adds each dW to a buffer that is never zeroed
# call: AdamW
# truth: wrong
# names: gradients accumulate across steps (zero_grad missing)

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.p.grad = torch.zeros_like(self.p)
        self.opt = torch.optim.AdamW([self.p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self, W, dW):
        self.p.data = torch.from_numpy(W)
        self.p.grad += torch.from_numpy(dW)
        self.opt.step()
