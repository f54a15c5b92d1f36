# what: torch's RAdam with decoupled decay: the first steps are not adaptive
# call: AdamW
# truth: wrong
# names: RAdam (rectified) instead of Adam

import torch


class AdamW:
    def __init__(self, W, **kw):
        self.p = torch.nn.Parameter(torch.from_numpy(W))
        self.opt = torch.optim.RAdam([self.p], decoupled_weight_decay=True, **{"weight_decay": 1e-2, **kw})

    def step(self, W, dW):
        self.p.data = torch.from_numpy(W)
        self.p.grad = torch.from_numpy(dW.copy())
        self.opt.step()
