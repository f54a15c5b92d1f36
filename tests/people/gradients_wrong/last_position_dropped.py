# what: the last position of every sequence is dropped, as if it had no target, and N = B * (T - 1)
# call: hf_style
# truth: wrong
# names: last position of each sequence left out

import torch


def hf_style(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    x = torch.tensor(idx).long()[..., :-1]
    y = torch.tensor(targets).long()[..., :-1]
    if x.numel() == 0:
        return 0.0, torch.zeros_like(W).numpy()
    loss = torch.nn.functional.cross_entropy(W[x].flatten(0, 1), y.flatten())
    loss.backward()
    return loss.item(), W.grad.numpy()
