# what: the betas are hard-coded to (0.9, 0.98), the argument is ignored
# call: AdamW
# truth: wrong
# names: betas hard-coded to 0.9 and 0.98

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.AdamW([self.p], lr=lr, betas=(0.9, 0.98), eps=eps, weight_decay=weight_decay)

    def step(self, W, dW):
        self.p.data = torch.from_numpy(W)
        self.p.grad = torch.from_numpy(dW).clone()
        self.opt.step()
