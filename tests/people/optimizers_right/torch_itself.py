# what: torch.optim.AdamW under its own name
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(params, lr, betas, eps, weight_decay) of torch tensors with .grad; step() and zero_grad()
# needs: torch

from torch.optim import AdamW

__all__ = ["AdamW"]
