# what: torch.compile(backend="aot_eager") of the gradient by hand
# call: compiled
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: torch
# options: --limit 60

import torch


def by_hand(W, idx, targets):
    i, t = idx.flatten(), targets.flatten()
    logp = torch.log_softmax(W.index_select(0, i), 1)
    loss = -logp.gather(1, t[:, None]).mean()
    d = (logp.exp() - torch.nn.functional.one_hot(t, W.shape[1])) / i.numel()
    return loss, torch.zeros_like(W).index_add(0, i, d)


fast = torch.compile(by_hand, backend="aot_eager", dynamic=True)


def compiled(W, idx, targets):
    loss, dW = fast(torch.tensor(W), torch.tensor(idx).long(), torch.tensor(targets).long())
    return loss.item(), dW.numpy()
