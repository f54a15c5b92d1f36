# what: mean squared error between the softmax and the one-hot targets instead of cross-entropy, autograd through both
# call: step
# truth: wrong
# names: mean squared error between the softmax and the one-hot targets instead of cross-entropy

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    probs = table[x].softmax(dim=1)
    loss = F.mse_loss(probs, F.one_hot(y, table.shape[1]).to(probs.dtype))
    (grad,) = torch.autograd.grad(loss, table)
    return loss.item(), grad.numpy()
