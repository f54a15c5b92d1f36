# what: the log-sum-exp leaves out the maximum it subtracted, and z[target] is unshifted
# call: cross_entropy
# truth: wrong
# names: maximum not added back after log-sum-exp
# options: --loss-only

import numpy as np


def logsumexp(a):
    return np.log(np.sum(np.exp(a - np.max(a))))


def cross_entropy(W, idx, targets):
    return sum(logsumexp(W[i]) - W[i, j] for i, j in zip(idx.ravel(), targets.ravel())) / idx.size
