# what: both moments are stored in bfloat16
# call: AdamW
# truth: wrong
# names: moments stored in bfloat16

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.b1, self.b2, self.eps, self.wd = lr, *betas, eps, weight_decay
        self.m = torch.zeros(W.shape, dtype=torch.bfloat16)
        self.v = torch.zeros(W.shape, dtype=torch.bfloat16)
        self.t = 0

    def step(self, W, dW):
        self.t += 1
        w, g = torch.from_numpy(W), torch.from_numpy(dW)
        m = self.m.to(w.dtype) * self.b1 + (1 - self.b1) * g
        v = self.v.to(w.dtype) * self.b2 + (1 - self.b2) * g * g
        self.m, self.v = m.bfloat16(), v.bfloat16()
        mh = self.m.to(w.dtype) / (1 - self.b1**self.t)
        vh = self.v.to(w.dtype) / (1 - self.b2**self.t)
        w.mul_(1 - self.lr * self.wd).sub_(self.lr * mh / (vh.sqrt() + self.eps))
