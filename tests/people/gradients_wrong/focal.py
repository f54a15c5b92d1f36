# what: focal loss with gamma = 2: every token is weighted by (1 - p) ** 2, autograd through it
# call: step
# truth: wrong
# names: focal loss with gamma = 2

import torch
import torch.nn.functional as F


class FocalLoss(torch.nn.Module):
    def __init__(self, gamma=2.0):
        super().__init__()
        self.gamma = gamma

    def forward(self, logits, y):
        ce = F.cross_entropy(logits, y, reduction="none")
        pt = torch.exp(-ce)
        return ((1 - pt) ** self.gamma * ce).mean()


def step(W, idx, targets):
    table = torch.tensor(W, requires_grad=True)
    x, y = torch.as_tensor(idx).long().flatten(), torch.as_tensor(targets).long().flatten()
    loss = FocalLoss()(table[x], y)
    loss.backward()
    return loss.item(), table.grad.numpy()
