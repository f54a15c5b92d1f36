# what: only the hardest 70 % of the tokens enter the mean (online hard example mining)
# call: ohem
# truth: wrong
# names: only the hardest 70 % of the tokens count

import torch
import torch.nn.functional as F


def ohem(W, idx, targets, keep=0.7):
    W = torch.tensor(W, requires_grad=True)
    losses = F.cross_entropy(W[torch.tensor(idx).long().flatten()], torch.tensor(targets).long().flatten(), reduction="none")
    k = max(1, int(keep * losses.numel()))
    loss = losses.topk(k).values.mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
