# what: F.kl_div with reduction="batchmean" on (B, T, V) divides by B only, in loss and gradient
# call: step
# truth: wrong
# names: divided by B only
# where: T > 1

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    log_probs = F.log_softmax(table[x], dim=-1)
    one_hot = F.one_hot(y, num_classes=table.shape[1]).to(table.dtype)
    loss = F.kl_div(log_probs, one_hot, reduction="batchmean")
    loss.backward()
    return loss.item(), table.grad.numpy()
