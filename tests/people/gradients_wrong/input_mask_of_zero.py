# what: tokens whose input id is 0 are masked out and the mean is over the rest
# call: tf_style
# truth: wrong
# names: input id 0 ignored as padding

import numpy as np


def tf_style(W, idx, targets):
    mask = np.not_equal(idx, 0)
    n = max(int(mask.sum()), 1)
    x, y = idx[mask], targets[mask]
    logits = W[x]
    m = logits.max(axis=-1)
    lse = m + np.log(np.exp(logits - m[:, None]).sum(-1))
    loss = float((lse - logits[np.arange(x.size), y]).sum() / n)
    p = np.exp(logits - lse[:, None])
    p[np.arange(x.size), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, p / n)
    return loss, dW
