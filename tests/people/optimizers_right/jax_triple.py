# what: init, update and get_params as a triple
# call: adamw
# truth: right
# kind: optimizer ; interface: adamw(step_size, b1, b2, eps, weight_decay) -> (init(W), update(i, g, state), get_params(state)), i from 0
# needs: jax

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def adamw(step_size=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-2):
    def init(x0):
        return jnp.asarray(x0), jnp.zeros_like(x0), jnp.zeros_like(x0)

    @jax.jit
    def update(i, g, state):
        x, m, v = state
        m = (1 - b1) * g + b1 * m
        v = (1 - b2) * jnp.square(g) + b2 * v
        mhat = m / (1 - jnp.asarray(b1, m.dtype) ** (i + 1))
        vhat = v / (1 - jnp.asarray(b2, m.dtype) ** (i + 1))
        x = x - step_size * (mhat / (jnp.sqrt(vhat) + eps) + weight_decay * x)
        return x, m, v

    def get_params(state):
        return state[0]

    return init, update, get_params
