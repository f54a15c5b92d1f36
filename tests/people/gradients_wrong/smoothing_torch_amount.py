# what: label smoothing of 0.037 is left on in F.cross_entropy
# call: step
# truth: wrong
# names: label smoothing 0.037 in loss and gradient

import torch
from torch import nn


class Bigram(nn.Module):
    def __init__(self, W):
        super().__init__()
        self.table = nn.Embedding.from_pretrained(torch.tensor(W), freeze=False)
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.037)

    def forward(self, idx, targets):
        logits = self.table(idx)
        B, T, C = logits.shape
        return self.criterion(logits.view(B * T, C), targets.view(B * T))


def step(W, idx, targets):
    model = Bigram(W)
    loss = model(torch.tensor(idx).long(), torch.tensor(targets).long())
    loss.backward()
    return loss.item(), model.table.weight.grad.numpy()
