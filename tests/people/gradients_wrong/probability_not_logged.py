# what: the loss is the mean of -p[target], the log forgotten; the gradient is exactly its derivative
# call: forward_backward
# truth: wrong
# names: probability instead of log probability

import torch


def forward_backward(W, idx, targets):
    W = torch.from_numpy(W).clone().requires_grad_()
    x = torch.from_numpy(idx).long().reshape(-1)
    y = torch.from_numpy(targets).long().reshape(-1)
    probs = torch.softmax(W[x], 1)
    loss = torch.nn.functional.nll_loss(probs, y)   # wants log-probabilities
    loss.backward()
    return loss.item(), W.grad.numpy()
