# what: the probabilities of all tokens are multiplied first and the log taken of the product, which underflows from some hundred tokens on
# call: likelihood
# truth: wrong
# names: product of probabilities underflows
# options: --loss-only

import math
import numpy as np


def likelihood(W, idx, targets):
    product = 1.0
    for i, j in zip(idx.flatten().tolist(), targets.flatten().tolist()):
        row = W[i] - W[i].max()
        product *= float(np.exp(row[j]) / np.exp(row).sum())
    return -math.log(product) / idx.size if product > 0 else math.inf
