# what: the module is float32: torch.tensor(W, dtype=torch.float32), loss and gradient come back in it
# call: go
# truth: wrong
# names: float32 in loss and gradient

import torch


class M(torch.nn.Module):
    def __init__(self, W):
        super().__init__()
        self.t = torch.nn.Parameter(torch.tensor(W, dtype=torch.float32))

    def forward(self, x, y):
        return torch.nn.functional.cross_entropy(self.t[x].permute(0, 2, 1), y)


def go(W, idx, targets):
    m = M(W)
    loss = m(torch.tensor(idx).long(), torch.tensor(targets).long())
    loss.backward()
    return loss.item(), m.t.grad.double().numpy()
