# what: np.mean over the (N, V) product of one-hot and log p: loss and gradient are too small by V
# call: loss_fn
# truth: wrong
# names: divided by N*V instead of N

import numpy as np

def log_softmax(z):
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))

def loss_fn(W, idx, targets):
    V = W.shape[0]
    X = np.eye(V)[idx.ravel()]          # (N, V)
    Y = np.eye(V)[targets.ravel()]
    logp = log_softmax(W[idx.ravel()])
    loss = np.mean(-Y * logp)
    dlogits = (np.exp(logp) - Y) / Y.size
    return loss, X.T @ dlogits
