# what: an nn.Module whose forward returns loss and gradient, called as an object
# call: module
# truth: right
# kind: gradient ; interface: nn.Module called with (W, idx, targets) torch tensors -> (loss, dW)
# needs: torch

import torch


class LossAndGrad(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.criterion = torch.nn.CrossEntropyLoss(reduction="sum")

    def forward(self, W, idx, targets):
        with torch.enable_grad():
            table = W.detach().clone().requires_grad_()
            loss = self.criterion(table[idx.long()].reshape(-1, W.shape[1]), targets.long().reshape(-1))
            loss = loss / targets.numel()
            return loss.detach(), torch.autograd.grad(loss, table)[0]


module = LossAndGrad()
