# what: a custom_vjp with scatter-add by .at
# call: custom_gradient
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW)
# needs: jax

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


@jax.custom_vjp
def xent(W, idx, targets):
    return xent_fwd(W, idx, targets)[0]


def xent_fwd(W, idx, targets):
    z = W[idx] - W[idx].max(-1, keepdims=True)
    lse = jnp.log(jnp.exp(z).sum(-1))
    nll = lse - jnp.take_along_axis(z, targets[..., None], -1)[..., 0]
    return nll.mean(), (jnp.exp(z - lse[..., None]), idx, targets, W)


def xent_bwd(saved, g):
    p, idx, targets, W = saved
    dW = jnp.zeros_like(W).at[idx].add(p).at[idx, targets].add(-1.0)
    return g * dW / idx.size, None, None


xent.defvjp(xent_fwd, xent_bwd)
fast = jax.jit(jax.value_and_grad(xent))


def custom_gradient(W, idx, targets):
    loss, dW = fast(jnp.asarray(W), jnp.asarray(idx), jnp.asarray(targets))
    return float(loss), dW
