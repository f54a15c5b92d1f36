# what: the log-sum-exp is detached from the graph: the gradient is -onehot / N without the softmax, the loss is right
# call: step
# truth: wrong
# names: the log-sum-exp is detached from the graph

import torch


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    logits = table[x]
    with torch.no_grad():
        log_z = torch.logsumexp(logits, dim=1)
    loss = (log_z - logits.gather(1, y.unsqueeze(1)).squeeze(1)).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
