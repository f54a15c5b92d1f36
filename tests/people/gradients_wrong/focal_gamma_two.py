# what: focal loss with gamma 2, autograd through all of it
# call: focal_loss
# truth: wrong
# names: focal loss gamma 2

import torch


def focal_loss(W, idx, targets, gamma=2.0):
    W = torch.tensor(W, requires_grad=True)
    x, y = (torch.tensor(a).long().flatten() for a in (idx, targets))
    logpt = torch.log_softmax(W[x], -1).gather(1, y[:, None]).squeeze(1)
    pt = logpt.exp()
    loss = (-((1 - pt) ** gamma) * logpt).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
