# what: F.kl_div on (B, T, V) with reduction='batchmean' divides by B only
# call: kld
# truth: wrong
# names: divided by B instead of B*T in loss and gradient

import torch
import torch.nn.functional as F


def kld(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logp = F.log_softmax(W[torch.tensor(idx).long()], dim=-1)
    onehot = F.one_hot(torch.tensor(targets).long(), W.shape[1]).double()
    loss = F.kl_div(logp, onehot, reduction="batchmean")
    loss.backward()
    return loss.item(), W.grad.numpy()
