# what: HIPS autograd's value_and_grad
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: autograd

import autograd.numpy as np
from autograd import value_and_grad


def loss(W, idx, targets):
    x = W[idx.ravel()]
    z = x - np.max(x, axis=1, keepdims=True)
    logp = z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))
    return -np.mean(logp[np.arange(targets.size), targets.ravel()])


loss_and_grad = value_and_grad(loss)
