# what: logits.exp().sum().log() without subtracting the maximum, autograd through it
# call: step
# truth: unstable
# names: logits.exp().sum().log() without subtracting the maximum
# where: only where exp overflows or underflows, logits above 709 or a whole row below -745

import torch


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().view(-1), torch.as_tensor(targets).long().view(-1)
    logits = table[x]
    correct = logits[torch.arange(len(y)), y]
    loss = (logits.exp().sum(dim=1).log() - correct).mean()
    loss.backward()
    return loss.item(), table.grad.numpy()
