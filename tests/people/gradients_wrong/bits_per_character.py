# what: bits per character in the loss and its gradient: autograd of loss / ln 2
# call: bpc
# truth: wrong
# names: loss and gradient in bits (divided by ln 2)

import math
import torch
import torch.nn.functional as F


def bpc(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = F.embedding(torch.tensor(idx).long(), W)
    loss = F.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).long().flatten()) / math.log(2)
    (grad,) = torch.autograd.grad(loss, W)
    return float(loss.detach()), grad.numpy()
