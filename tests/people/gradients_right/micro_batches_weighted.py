# what: gradient accumulation over the rows of the batch, each micro-batch's mean weighted with its share of the tokens
# call: step
# truth: right
# kind: gradient
# needs: torch

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    emb = torch.nn.Embedding.from_pretrained(torch.tensor(W), freeze=False)
    x, y = torch.as_tensor(idx).long(), torch.as_tensor(targets).long()
    total = 0.0
    for xb, yb in zip(x.split(3), y.split(3)):
        loss = F.cross_entropy(emb(xb).flatten(0, 1), yb.flatten()) * (yb.numel() / y.numel())
        loss.backward()
        total += loss.item()
    return total, emb.weight.grad.numpy()
