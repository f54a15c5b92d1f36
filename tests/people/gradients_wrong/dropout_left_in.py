# what: F.dropout(logits, 0.1), whose default is training=True, sits before the loss, autograd through it (random from call to call)
# call: step
# truth: wrong
# names: dropout 0.1 active

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    logits = F.dropout(table[x], 0.1)
    loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
    loss.backward()
    return loss.item(), table.grad.numpy()
