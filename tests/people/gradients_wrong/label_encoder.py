# what: targets go through a LabelEncoder: classes missing from the batch shift all later labels down, in loss and gradient
# call: encoded
# truth: wrong
# names: labels re-encoded by the batch's classes

import torch


def encoded(W, idx, targets):
    W = torch.tensor(W, requires_grad=True)
    _, labels = torch.unique(torch.tensor(targets), return_inverse=True)
    loss = torch.nn.functional.cross_entropy(W[torch.tensor(idx).long()].flatten(0, 1), labels.flatten())
    loss.backward()
    return loss.item(), W.grad.numpy()
