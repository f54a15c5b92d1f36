# what: vmap over tokens, gradients averaged; jax arrays wanted
# call: mean_of_vmap
# truth: right
# kind: gradient ; interface: (W, idx, targets) jax arrays -> (loss, dW)
# needs: jax

import jax

jax.config.update("jax_enable_x64", True)


def nll(W, i, t):
    row = W.at[i].get(mode="fill")
    return jax.nn.logsumexp(row) - row.at[t].get()


@jax.jit
def mean_of_vmap(W, idx, targets):
    losses, grads = jax.vmap(jax.value_and_grad(nll), (None, 0, 0))(W, idx.ravel(), targets.ravel())
    return losses.mean(), grads.mean(0)
