# what: autograd's logsumexp, grad alone and the loss once more; a dict
# call: as_dict
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> {"loss": loss, "grad": dW}
# needs: autograd, scipy

import autograd.numpy as anp
from autograd import grad
from autograd.scipy.special import logsumexp


def objective(W, ids, nexts):
    table = W - anp.max(W, axis=1, keepdims=True)
    return anp.mean(logsumexp(table, axis=1)[ids] - table[ids, nexts])


def as_dict(W, idx, targets):
    return {"loss": objective(W, idx, targets), "grad": grad(objective)(W, idx, targets)}
