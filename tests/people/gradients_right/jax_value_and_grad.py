# what: jax.value_and_grad in float64
# call: loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW), jax arrays come back
# needs: jax

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def loss(W, idx, targets):
    logp = jax.nn.log_softmax(W[idx], axis=-1)
    return -jnp.take_along_axis(logp, targets[..., None], axis=-1).mean()


loss_and_grad = jax.value_and_grad(loss)
