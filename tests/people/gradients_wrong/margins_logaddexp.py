# what: loss as logsumexp of the margins z_j - z_y, with np.logaddexp.reduce; the maximum is nowhere written
# call: loss_and_gradient
# truth: unstable
# names: loss as logsumexp of the margins z_j - z_y
# where: exp(margin - loss) carries a rounding error of eps times the largest margin, which is right for this formula

import numpy as np


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    n = len(x)
    margins = W[x] - W[x, y][:, None]
    losses = np.logaddexp.reduce(margins, axis=1)
    d = np.exp(margins - losses[:, None])
    d[np.arange(n), y] -= 1
    dW = np.zeros_like(W)
    np.add.at(dW, x, d / n)
    return losses.mean(), dW
