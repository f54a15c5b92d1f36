# what: clip_grad_norm_ to 0.11 has been applied to the gradient that is returned
# call: clipped
# truth: wrong
# names: gradient clipped to norm 0.11

import torch


def clipped(W, idx, targets):
    p = torch.nn.Parameter(torch.tensor(W))
    loss = torch.nn.functional.cross_entropy(p[torch.tensor(idx).long()].permute(0, 2, 1), torch.tensor(targets).long())
    loss.backward()
    torch.nn.utils.clip_grad_norm_([p], max_norm=0.11)
    return loss.item(), p.grad.numpy()
