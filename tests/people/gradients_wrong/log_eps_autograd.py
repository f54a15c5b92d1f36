# what: torch.log(softmax + 1e-8), autograd through it: the loss has the eps and the gradient is its exact derivative
# call: step
# truth: wrong
# names: eps 1e-8 inside the log

import torch


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().reshape(-1), torch.as_tensor(targets).long().reshape(-1)
    log_probs = torch.log(torch.softmax(table[x], dim=-1) + 1e-8)
    loss = -log_probs.gather(1, y[:, None]).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
