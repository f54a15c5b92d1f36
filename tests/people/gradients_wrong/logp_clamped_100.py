# what: log-probabilities are clamped at -100, as BCELoss does: the loss stops there and so does the gradient
# call: step
# truth: unstable
# names: log-probabilities clamped at -100
# where: only where the target's log-probability is below -100

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    logp = F.log_softmax(table[x], dim=-1).clamp(min=-100)
    loss = F.nll_loss(logp, y)
    loss.backward()
    return loss.item(), table.grad.numpy()
