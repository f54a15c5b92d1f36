# what: a jitted pure function over a pytree, hyperparameters by keyword
# call: adamw_step
# truth: right
# kind: optimizer ; interface: adamw_step(params, grads, state, *, lr, b1, b2, eps, weight_decay) -> (params, state), state None at first
# needs: jax

import functools

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


@functools.partial(jax.jit, static_argnames=("lr", "b1", "b2", "eps", "weight_decay"))
def adamw_step(params, grads, state=None, *, lr=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-2):
    if state is None:
        zeros = jax.tree.map(jnp.zeros_like, params)
        state = zeros, zeros, jnp.zeros((), jnp.int32)
    m, v, t = state
    t = t + 1
    m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, grads)
    v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, grads)
    c1 = 1 - jnp.asarray(b1, jnp.float64) ** t
    c2 = 1 - jnp.asarray(b2, jnp.float64) ** t

    def new(p, m, v):
        c1_, c2_ = c1.astype(p.dtype), c2.astype(p.dtype)
        return p * (1 - lr * weight_decay) - lr * (m / c1_) / (jnp.sqrt(v / c2_) + eps)

    return jax.tree.map(new, params, m, v), (m, v, t)
