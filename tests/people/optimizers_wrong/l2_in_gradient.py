# what: the decay is L2: weight_decay * W is added to the gradient before the moments (Adam, not AdamW)
# call: AdamW
# truth: wrong
# names: L2 in the gradient

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.p = torch.nn.Parameter(torch.from_numpy(W.copy()))
        self.opt = torch.optim.Adam([self.p], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay)

    def step(self, W, dW):
        self.p.data.copy_(torch.from_numpy(W))
        self.p.grad = torch.from_numpy(dW).clone()
        self.opt.step()
        W[...] = self.p.detach().numpy()
