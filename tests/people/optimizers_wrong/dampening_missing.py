# what: the first moment is SGD's momentum, m = beta1 * m + g, without the factor 1 - beta1; the rest is as it should be
# call: AdamW
# truth: wrong
# names: first moment not damped

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.lr, (self.beta1, self.beta2), self.eps, self.wd, self.t = lr, betas, eps, weight_decay, 0
        self.m, self.v = torch.zeros_like(torch.from_numpy(W)), torch.zeros_like(torch.from_numpy(W))

    def step(self, W, dW):
        p, g = torch.from_numpy(W), torch.from_numpy(dW)
        self.t += 1
        self.m.mul_(self.beta1).add_(g)
        self.v.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
        p.mul_(1 - self.lr * self.wd)
        m_hat, v_hat = self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)
        p.sub_(self.lr * m_hat / (v_hat.sqrt() + self.eps))
