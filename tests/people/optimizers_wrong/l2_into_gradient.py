# what: Adam with L2: wd * W is added to the gradient
# call: AdamW
# truth: wrong
# names: L2 in the gradient instead of decoupled decay

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.tensor(W))
        self.opt = torch.optim.Adam([self.p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self, W, dW):
        with torch.no_grad():
            self.p.copy_(torch.tensor(W))
        self.p.grad = torch.tensor(dW)
        self.opt.step()
        W[...] = self.p.detach().numpy()
