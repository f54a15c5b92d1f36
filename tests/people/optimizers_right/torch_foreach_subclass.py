# what: torch.optim.AdamW itself with foreach
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(params, lr, betas, eps, weight_decay) of torch tensors with .grad; step() and zero_grad()
# needs: torch

import torch


class AdamW(torch.optim.AdamW):
    def __init__(self, params, **kwargs):
        super().__init__(params, foreach=True, **kwargs)
