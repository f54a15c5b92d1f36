# what: np.matrix comes back
# call: loss_and_matrix
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, np.matrix)
# needs: scipy

import numpy as np
from scipy.sparse import coo_matrix


def loss_and_matrix(W, idx, targets):
    V, N = len(W), idx.size
    C = coo_matrix((np.ones(N), (idx.ravel(), targets.ravel())), shape=(V, V)).tocsr()
    z = W - W.max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    n = np.asarray(C.sum(axis=1))
    loss = -C.multiply(logp).sum() / N
    return loss, (np.asmatrix(n * np.exp(logp)) - C.todense()) / N
