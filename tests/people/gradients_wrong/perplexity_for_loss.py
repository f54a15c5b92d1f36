# what: the perplexity exp(loss) is returned as the loss; the gradient is that of the mean cross-entropy
# call: evaluate
# truth: wrong
# names: the perplexity exp(loss) is returned as the loss

import numpy as np


def evaluate(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    z = W[x] - W[x].max(1, keepdims=True)
    logp = z - np.log(np.exp(z).sum(1, keepdims=True))
    nll = -logp[np.arange(x.size), y].mean()
    d = np.exp(logp)
    d[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / x.size)
    with np.errstate(over="ignore"):
        perplexity = np.exp(nll)
    return perplexity, dW
