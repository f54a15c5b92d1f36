# what: lax.scan over tokens, the gradient is carried; a pytree of gradients
# call: scanned
# truth: right
# kind: gradient ; interface: (params, idx, targets) with params {"W": W} -> (loss, {"W": dW})
# needs: jax

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


@jax.jit
def scanned(params, idx, targets):
    W = params["W"]

    def body(carry, token):
        total, dW = carry
        i, t = token
        logp = jax.nn.log_softmax(W[i])
        return (total - logp[t], dW.at[i].add(jnp.exp(logp)).at[i, t].add(-1.0)), None

    start = jnp.zeros((), W.dtype), jnp.zeros_like(W)
    (total, dW), _ = jax.lax.scan(body, start, (idx.ravel(), targets.ravel()))
    return total / idx.size, {"W": dW / idx.size}
