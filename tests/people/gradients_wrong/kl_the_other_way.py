# what: reverse KL, sum p * log(p / q) with q one-hot smoothed by 0.01, instead of the cross-entropy
# call: reverse_kl
# truth: wrong
# names: KL divergence reversed

import torch


def reverse_kl(W, idx, targets):
    V = W.shape[0]
    W = torch.tensor(W, requires_grad=True)
    x = torch.tensor(idx).long().flatten()
    y = torch.tensor(targets).long().flatten()
    q = torch.nn.functional.one_hot(y, V).to(W.dtype) * 0.99 + 0.01 / V
    logp = torch.log_softmax(W[x], dim=1)
    loss = (logp.exp() * (logp - q.log())).sum(1).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
