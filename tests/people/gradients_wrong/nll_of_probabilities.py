# what: F.nll_loss is given softmax instead of log_softmax: the loss is minus the mean probability, the gradient is its exact derivative
# call: step
# truth: wrong
# names: minus the probability for a loss

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    out = F.softmax(F.embedding(x, table), dim=-1)
    loss = F.nll_loss(out.reshape(-1, out.size(-1)), y.reshape(-1))
    loss.backward()
    return loss.detach().numpy(), table.grad.numpy()
