# what: a sparse COO gradient of tensors, coalesced, in a dict
# call: sparse_dict
# truth: right
# kind: gradient ; interface: (W, idx, targets) torch tensors -> {"loss": loss, "dW": sparse COO tensor}
# needs: torch

import torch


def sparse_dict(W, idx, targets):
    i, t = idx.flatten().long(), targets.flatten().long()
    logp = torch.log_softmax(W.index_select(0, i), dim=1)
    d = logp.exp()
    d[torch.arange(len(t)), t] -= 1
    dW = torch.sparse_coo_tensor(i[None], d / len(t), size=W.shape, check_invariants=True).coalesce()
    return {"loss": -logp[torch.arange(len(t)), t].mean(), "dW": dW}
