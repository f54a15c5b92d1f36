# what: the update is added: maximize=True
# call: AdamW
# truth: wrong
# names: update has the wrong sign (maximize)

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.AdamW([self.p], lr, betas, eps, weight_decay, maximize=True)

    def step(self, W, dW):
        self.p.data = torch.from_numpy(W)
        self.p.grad = torch.from_numpy(dW).clone()
        self.opt.step()
