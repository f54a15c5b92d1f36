# what: nn.Embedding(max_norm=2.5) shrinks longer rows in the forward pass
# call: renormed
# truth: wrong
# names: embedding rows limited to norm 2.5

import torch


def renormed(W, idx, targets):
    w = torch.tensor(W)
    emb = torch.nn.Embedding(*w.shape, max_norm=2.5, _weight=w.clone())
    logits = emb(torch.tensor(idx).long())
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
