# what: a primitive with defvjp
# call: with_primitive
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, [dW])
# needs: autograd

import autograd.numpy as np
import numpy as onp
from autograd import value_and_grad
from autograd.extend import defvjp, primitive


def parts(W, idx):
    z = W[idx] - W[idx].max(-1, keepdims=True)
    return z, onp.log(onp.exp(z).sum(-1, keepdims=True))


@primitive
def token_losses(W, idx, targets):
    z, lse = parts(W, idx)
    return (lse - onp.take_along_axis(z, targets[..., None], -1))[..., 0]


def vjp_maker(ans, W, idx, targets):
    def vjp(g):
        z, lse = parts(W, idx)
        out = onp.zeros_like(W)
        onp.add.at(out, idx, g[..., None] * onp.exp(z - lse))
        onp.add.at(out, (idx, targets), -g)
        return out

    return vjp


defvjp(token_losses, vjp_maker, argnums=(0,))


def with_primitive(W, idx, targets):
    loss, dW = value_and_grad(lambda table: np.mean(token_losses(table, idx, targets)))(W)
    return loss, [dW]
