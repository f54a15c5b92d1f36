# what: max(sqrt(vhat), eps) instead of sqrt(vhat) + eps
# call: AdamW
# truth: wrong
# names: eps used as a maximum instead of added

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, self.betas, self.eps, self.wd = lr, betas, eps, weight_decay
        self.m = torch.zeros(*W.shape, dtype=torch.double)
        self.v = torch.zeros(*W.shape, dtype=torch.double)
        self.t = 0

    def step(self, W, dW):
        w, g = torch.from_numpy(W), torch.from_numpy(dW)
        self.t += 1
        self.m.lerp_(g, 1 - self.betas[0])
        self.v.mul_(self.betas[1]).addcmul_(g, g, value=1 - self.betas[1])
        mhat = self.m / (1 - self.betas[0] ** self.t)
        root = (self.v / (1 - self.betas[1] ** self.t)).sqrt().clamp_min(self.eps)
        w.mul_(1 - self.lr * self.wd).sub_(self.lr * mhat / root)
