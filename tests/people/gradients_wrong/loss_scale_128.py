# what: mixed precision's loss scale of 128 is still in the gradient
# call: scaled
# truth: wrong
# names: loss scale 128 left in the gradient

import torch

SCALE = 128.0


def scaled(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        W[torch.tensor(idx).long()].reshape(-1, W.shape[0]), torch.tensor(targets).long().reshape(-1)
    )
    (loss * SCALE).backward()
    return loss.item(), W.grad.numpy()
