# what: weight decay 0.0375 * W is left in the gradient
# call: grad
# truth: wrong
# names: weight decay 0.0375 in the gradient
# options: --gradient-only

import torch


def grad(W, idx, targets):
    t = torch.tensor(W, requires_grad=True)
    x, y = torch.tensor(idx).long(), torch.tensor(targets).long()
    torch.nn.functional.cross_entropy(t[x].mT, y).backward()
    return t.grad.add(t.detach(), alpha=0.0375).numpy()
