# what: nn.Embedding(padding_idx=0): row 0 gets no gradient, the loss is right
# call: embedding_model
# truth: wrong
# names: row 0 gets no gradient (padding_idx)

import torch
from torch import nn


def embedding_model(W, idx, targets):
    emb = nn.Embedding(W.shape[0], W.shape[1], padding_idx=0, dtype=torch.float64)
    with torch.no_grad():
        emb.weight.copy_(torch.tensor(W))
    logits = emb(torch.tensor(idx).long())
    loss = nn.functional.cross_entropy(logits.transpose(1, 2), torch.tensor(targets).long())
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
