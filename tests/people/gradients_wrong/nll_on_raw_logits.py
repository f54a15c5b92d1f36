# what: nll_loss on raw logits, log_softmax forgotten
# call: forward
# truth: wrong
# names: log-softmax missing: NLL of raw logits

import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)
        self.loss = nn.NLLLoss()

    def forward(self, x, y):
        return self.loss(self.weight[x].flatten(0, 1), y.flatten())


def forward(W, idx, targets):
    net = Model(torch.tensor(W))
    out = net(torch.tensor(idx).long(), torch.tensor(targets).long())
    out.backward()
    return out.item(), net.weight.grad.numpy()
