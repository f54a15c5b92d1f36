# what: the loss is shifted once more (logits[:, :-1] against targets[:, 1:]) and summed
# call: f
# truth: wrong
# names: targets shifted twice + sum instead of mean

import torch


def f(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = W[torch.tensor(idx).long()][:, :-1]
    y = torch.tensor(targets).long()[:, 1:]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="sum")
    loss.backward()
    return loss.item(), W.grad.numpy()
