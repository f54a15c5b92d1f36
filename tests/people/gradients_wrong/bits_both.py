# what: bits per character: the loss is divided by ln 2 and so is the gradient
# call: bits_per_character
# truth: wrong
# names: loss and gradient in bits

import math

import torch
import torch.nn.functional as F


def bits_per_character(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    bpc = F.cross_entropy(table[x].transpose(1, 2), y) / math.log(2)
    bpc.backward()
    return bpc.item(), table.grad.numpy()
