# what: Lookahead: every 5 steps W goes half-way back to the slow weights
# call: AdamW
# truth: wrong
# names: Lookahead (slow weights every 5 steps)

import numpy as np
import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.slow = np.array(W)
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.AdamW([self.p], lr, betas, eps, weight_decay)
        self.k = 0

    def step(self, W, dW):
        self.p.data = torch.from_numpy(W)
        self.p.grad = torch.from_numpy(dW).clone()
        self.opt.step()
        self.k += 1
        if self.k % 5 == 0:
            self.slow += 0.5 * (W - self.slow)
            W[...] = self.slow
