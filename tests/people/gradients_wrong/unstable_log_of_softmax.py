# what: torch.log(torch.softmax()) instead of log_softmax: inf in the loss and nan in autograd where p underflows
# call: two_steps
# truth: unstable
# names: log of an underflowed probability

import torch


def two_steps(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logp = torch.log(torch.softmax(W[torch.tensor(idx).long()], dim=-1))
    y = torch.tensor(targets).long()
    loss = -torch.gather(logp, -1, y[..., None]).mean()
    loss.backward()
    return loss.item(), W.grad.numpy()
