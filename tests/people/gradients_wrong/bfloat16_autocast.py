# what: logits pass through bfloat16 as under autocast, in loss and gradient
# call: autocast_step
# truth: wrong
# names: bfloat16 in loss and gradient

import torch


def autocast_step(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = W.to(torch.bfloat16)[torch.tensor(idx).long().reshape(-1)]
    loss = torch.nn.functional.cross_entropy(logits.float(), torch.tensor(targets).long().reshape(-1))
    loss.backward()
    return loss.item(), W.grad.numpy()
