# what: one-hot through nn.Linear, which multiplies by weight.T: columns of W are read, in loss and gradient
# call: linear_bigram
# truth: wrong
# names: W transposed: columns read instead of rows

import torch
import torch.nn.functional as F


def linear_bigram(W, idx, targets):
    lin = torch.nn.Linear(W.shape[0], W.shape[1], bias=False, dtype=torch.float64)
    lin.weight = torch.nn.Parameter(torch.tensor(W))
    x = F.one_hot(torch.tensor(idx).long(), W.shape[0]).double()
    loss = F.cross_entropy(lin(x).flatten(0, 1), torch.tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), lin.weight.grad.numpy()
