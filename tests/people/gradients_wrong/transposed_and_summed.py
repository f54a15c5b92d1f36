# what: the gradient is transposed (dlogits.T @ X) and summed over the tokens instead of averaged; loss right
# call: step
# truth: wrong
# names: gradient transposed + summed, not averaged

import torch


def step(W, idx, targets):
    W = torch.tensor(W)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    X = torch.nn.functional.one_hot(x, len(W)).to(W.dtype)
    Y = torch.nn.functional.one_hot(y, len(W)).to(W.dtype)
    logp = torch.log_softmax(W[x], dim=1)
    loss = -(Y * logp).sum(dim=1).mean()
    dlogits = logp.exp() - Y
    return loss.item(), (dlogits.T @ X).numpy()
