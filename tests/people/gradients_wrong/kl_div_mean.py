# what: F.kl_div with reduction='mean' divides by B*T*V
# call: kld
# truth: wrong
# names: divided by N*V instead of N in loss and gradient

import warnings
import torch


def kld(W, idx, targets):
    V = len(W)
    w = torch.tensor(W, requires_grad=True)
    q = torch.eye(V, dtype=w.dtype)[torch.tensor(targets).long().flatten()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        loss = torch.nn.KLDivLoss(reduction="mean")(w[torch.tensor(idx).long().flatten()].log_softmax(1), q)
    loss.backward()
    return loss.item(), w.grad.numpy()
