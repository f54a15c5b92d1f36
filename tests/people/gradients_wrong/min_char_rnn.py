# what: min-char-rnn's way: the loss and gradient are sums over all tokens, not means, and the gradient is clipped to [-5, 5]
# call: lossFun
# truth: wrong
# names: summed, not averaged + gradient clipped at 5
# where: sums everywhere with N > 1, the clip only where an entry of the sum is beyond 5

import numpy as np


def lossFun(Why, inputs, targets):
    loss, dWhy = 0, np.zeros_like(Why)
    for ix, iy in zip(inputs.ravel(), targets.ravel()):
        y = Why[ix] - Why[ix].max()
        logp = y - np.log(np.sum(np.exp(y)))
        loss += -logp[iy]
        dy = np.exp(logp)
        dy[iy] -= 1
        dWhy[ix] += dy
    np.clip(dWhy, -5, 5, out=dWhy)
    return loss, dWhy
