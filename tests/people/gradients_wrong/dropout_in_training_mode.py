# what: dropout of 0.06 on the logits is active, so every call differs
# call: training_forward
# truth: wrong
# names: dropout 0.06 active (not deterministic)

import torch


def training_forward(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    logits = torch.nn.functional.dropout(W[torch.tensor(idx).long()], p=0.06, training=True)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(targets).long().flatten())
    loss.backward()
    return loss.item(), W.grad.numpy()
