# what: everything in float32, and the perplexity returned as loss
# call: f
# truth: wrong
# names: float32 in the gradient + perplexity returned instead of the loss

import torch


def f(W, idx, targets):
    w = torch.tensor(W).float().requires_grad_()
    loss = torch.nn.functional.cross_entropy(w[torch.tensor(idx).long()].mT, torch.tensor(targets).long())
    loss.backward()
    return loss.exp().item(), w.grad.numpy()
