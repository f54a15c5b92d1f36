# what: per-sequence sums averaged over the batch: divided by B and not by B*T, in loss and gradient
# call: seq_loss
# truth: wrong
# names: divided by B instead of B*T

import torch


def seq_loss(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    total = 0.0
    for b in range(x.shape[0]):
        logp = torch.log_softmax(table[x[b]], dim=-1)
        total = total + -logp.gather(1, y[b].unsqueeze(1)).sum()
    loss = total / x.shape[0]
    loss.backward()
    return loss.item(), table.grad.numpy()
