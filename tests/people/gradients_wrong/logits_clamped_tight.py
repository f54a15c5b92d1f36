# what: logits are clamped to [-1.25, 1.25] first, and autograd gives no gradient where they are clamped
# call: run
# truth: wrong
# names: logits clipped to 1.25

import torch


def run(W, idx, targets):
    W = torch.tensor(W).requires_grad_()
    x, y = torch.tensor(idx).long().view(-1), torch.tensor(targets).long().view(-1)
    logits = torch.index_select(W, 0, x).clamp(-1.25, 1.25)
    loss = -torch.log_softmax(logits, 1)[torch.arange(len(y)), y].mean()
    loss.backward()
    return loss.item(), W.grad
