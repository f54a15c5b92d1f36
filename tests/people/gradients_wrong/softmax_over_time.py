# what: nn.Softmax(dim=1) on (B, T, V) logits normalises over time instead of classes, in loss and gradient
# call: model_step
# truth: wrong
# names: softmax over the wrong axis (time)

import torch
from torch import nn


def model_step(W, idx, targets):
    emb = nn.Embedding(*W.shape)
    emb.weight = nn.Parameter(torch.tensor(W))
    log_softmax = nn.LogSoftmax(dim=1)
    logp = log_softmax(emb(torch.tensor(idx).long()))
    loss = -logp.gather(2, torch.tensor(targets).long()[:, :, None]).mean()
    loss.backward()
    return loss.item(), emb.weight.grad.numpy()
