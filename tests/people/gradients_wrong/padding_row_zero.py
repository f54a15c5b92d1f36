# what: the embedding has padding_idx=0: row 0 never gets a gradient, the loss is right
# call: step
# truth: wrong
# names: the embedding has padding_idx=0
# where: batches in which id 0 occurs

import torch
import torch.nn.functional as F


def step(W, idx, targets):
    weight = torch.tensor(W)
    emb = torch.nn.Embedding(*weight.shape, padding_idx=0, _weight=weight.clone())
    logits = emb(torch.as_tensor(idx).long())
    loss = F.cross_entropy(logits.flatten(0, 1), torch.as_tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
