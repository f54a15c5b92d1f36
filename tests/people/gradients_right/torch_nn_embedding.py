# what: nn.Embedding.from_pretrained
# call: embedding_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: torch

import torch
from torch import nn


def embedding_grad(W, idx, targets):
    emb = nn.Embedding.from_pretrained(torch.tensor(W), freeze=False)
    criterion = nn.CrossEntropyLoss()
    logits = emb(torch.tensor(idx, dtype=torch.long))
    loss = criterion(logits.transpose(1, 2), torch.tensor(targets, dtype=torch.long))
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
