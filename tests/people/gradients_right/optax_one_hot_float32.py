# what: optax.softmax_cross_entropy with one-hot labels, float32
# call: optax32
# truth: right
# kind: gradient ; interface: (params, batch) with batch (idx, targets) -> (loss, dW)
# needs: jax, optax
# options: --dtype float32

import jax
import optax


def mean_loss(params, batch):
    idx, targets = batch
    return optax.softmax_cross_entropy(params[idx], jax.nn.one_hot(targets, params.shape[-1])).mean()


optax32 = jax.jit(jax.value_and_grad(mean_loss))
