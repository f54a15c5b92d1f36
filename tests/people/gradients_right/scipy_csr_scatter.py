# what: a sparse one-hot matrix scatters: X.T @ dlogits
# call: sparse_scatter
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: scipy

import numpy as np
from scipy import sparse


def sparse_scatter(W, idx, targets):
    N, V = idx.size, W.shape[0]
    rows = np.arange(N)
    X = sparse.csr_array((np.ones(N, W.dtype), (rows, idx.ravel())), shape=(N, V))
    Y = sparse.csr_array((np.ones(N, W.dtype), (rows, targets.ravel())), shape=(N, V))
    z = W[idx.ravel()]
    z = z - z.max(1)[:, None]
    lse = np.log(np.exp(z).sum(1))[:, None]
    loss = (lse.sum() - Y.multiply(z).sum()) / N
    return loss, X.T @ (np.exp(z - lse) - Y.toarray()) / N
