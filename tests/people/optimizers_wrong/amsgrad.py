# what: torch's AdamW with amsgrad=True: the largest second moment so far is used
# call: AdamW
# truth: wrong
# names: largest second moment kept
# where: from the first step at which a second moment shrinks

import torch


class AdamW(torch.optim.AdamW):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr=lr, betas=betas, eps=eps, weight_decay=weight_decay, amsgrad=True)
