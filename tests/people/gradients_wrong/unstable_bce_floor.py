# what: log p is floored at -100, as BCELoss does; the gradient is exact
# call: clamp_log
# truth: unstable
# names: log probability floored at -100 in the loss

import torch


def clamp_log(W, idx, targets):
    t = torch.from_numpy(W)
    x, y = torch.from_numpy(idx).long().flatten(), torch.from_numpy(targets).long().flatten()
    logp = torch.log_softmax(t[x], 1)
    loss = -logp.gather(1, y[:, None]).clamp(min=-100).mean()
    d = logp.exp()
    d[torch.arange(len(y)), y] -= 1
    dW = torch.zeros_like(t).index_add_(0, x, d / len(y))
    return loss.item(), dW.numpy()
