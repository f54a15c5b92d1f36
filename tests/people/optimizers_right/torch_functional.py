# what: the functional torch.optim.adamw.adamw behind step(W, dW), tensors kept between
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(lr, betas, eps, weight_decay); step(W, dW) -> new W
# needs: torch

import torch
from torch.optim.adamw import adamw


class AdamW:
    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        self.kw = {"lr": lr, "beta1": betas[0], "beta2": betas[1], "eps": eps, "weight_decay": weight_decay}
        self.m = None

    def step(self, W, dW):
        p, g = torch.tensor(W), torch.tensor(dW)
        if self.m is None:
            self.m, self.v, self.t = torch.zeros_like(p), torch.zeros_like(p), torch.tensor(0.0)
        adamw([p], [g], [self.m], [self.v], [], [self.t], amsgrad=False, maximize=False, **self.kw)
        return p.numpy()
