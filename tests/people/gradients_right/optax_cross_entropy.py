# what: optax.softmax_cross_entropy_with_integer_labels
# call: optax_loss_and_grad
# truth: right
# kind: gradient ; interface: (W, idx, targets) -> (loss, dW), jax arrays come back
# needs: jax, optax

import jax
import jax.numpy as jnp
import optax

jax.config.update("jax_enable_x64", True)


@jax.jit
def optax_loss_and_grad(W, idx, targets):
    f = lambda table: optax.softmax_cross_entropy_with_integer_labels(table[idx], targets).mean()
    return jax.value_and_grad(f)(jnp.asarray(W))
