# what: jit without x64: float32 is all there is
# call: jitted
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW), jax arrays come back
# needs: jax
# options: --dtype float32

import jax
import jax.numpy as jnp


@jax.jit
@jax.value_and_grad
def jitted(W, idx, targets):
    x = W[idx]
    lse = jax.nn.logsumexp(x - jax.lax.stop_gradient(x.max(-1, keepdims=True)), axis=-1)
    picked = jnp.take_along_axis(x - jax.lax.stop_gradient(x.max(-1, keepdims=True)), targets[..., None], -1)[..., 0]
    return (lse - picked).mean()
