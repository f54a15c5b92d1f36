# what: the log-sum-exp is computed under no_grad, so only the target's term -1/N reaches W
# call: loss_and_grad
# truth: wrong
# names: softmax term missing in the gradient

import torch


def loss_and_grad(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long(), torch.tensor(targets).long()
    with torch.no_grad():
        norm = torch.logsumexp(table, dim=1)
    loss = (norm[x] - table[x, y]).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
