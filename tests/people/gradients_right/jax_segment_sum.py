# what: segment_sum by id, jax arrays wanted (W.at)
# call: segments
# truth: right
# kind: gradient ; interface: (W, idx, targets) jax arrays -> (dW, loss)
# needs: jax

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def segments(W, idx, targets):
    i, t = idx.ravel(), targets.ravel()
    z = W.at[i].get()
    z = z - z.max(1, keepdims=True)
    e = jnp.exp(z)
    s = e.sum(1)
    loss = (jnp.log(s) - z[jnp.arange(t.size), t]).mean()
    d = (e / s[:, None]).at[jnp.arange(t.size), t].add(-1)
    return jax.ops.segment_sum(d, i, num_segments=W.shape[0]) / t.size, loss
