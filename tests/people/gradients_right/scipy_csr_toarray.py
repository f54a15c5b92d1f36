# what: counts as a sparse matrix; the gradient is summed sparse and made dense
# call: sparse_counts
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> {"loss": loss, "grads": {"W": dW}}
# needs: scipy

import numpy as np
from scipy.sparse import csr_matrix, diags
from scipy.special import log_softmax


def sparse_counts(W, idx, targets):
    V = W.shape[0]
    one = np.ones(idx.size, W.dtype)
    C = csr_matrix((one, (idx.ravel(), targets.ravel())), shape=(V, V))
    logp = log_softmax(W, axis=1)
    n = np.asarray(C.sum(axis=1)).ravel()
    G = diags(n) @ csr_matrix(np.exp(logp)) - C
    return {"loss": -C.multiply(logp).sum() / idx.size, "grads": {"W": G.toarray() / idx.size}}
