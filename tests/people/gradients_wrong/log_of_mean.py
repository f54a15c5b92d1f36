# what: the log of the mean target probability instead of the mean of the logs, autograd through it
# call: step
# truth: wrong
# names: the log of the mean target probability instead of the mean of the logs
# where: N > 1

import torch


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    probs = torch.softmax(table[x], dim=1)
    picked = probs[torch.arange(len(y)), y]
    loss = -torch.log(picked.mean())
    loss.backward()
    return loss.item(), table.grad.numpy()
