# what: torch's AdamW with amsgrad=True
# call: AdamW
# truth: wrong
# names: AMSGrad

import torch


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.param = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.AdamW(
            [self.param], lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=True
        )

    def step(self, W, dW):
        self.param.data = torch.from_numpy(W)
        self.param.grad = torch.from_numpy(dW.copy())
        self.opt.step()
