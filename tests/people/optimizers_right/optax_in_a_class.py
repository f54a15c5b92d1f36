# what: optax behind step(W, dW), a NumPy array comes back
# call: AdamW
# truth: right
# kind: optimizer ; interface: class(W, lr, betas, eps, weight_decay); step(W, dW) -> new W
# needs: jax, optax

import jax
import jax.numpy as jnp
import numpy as np
import optax

jax.config.update("jax_enable_x64", True)


class AdamW:
    def __init__(self, W, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        tx = optax.adamw(lr, betas[0], betas[1], eps, weight_decay=weight_decay)
        self.state = tx.init(jnp.asarray(W))

        @jax.jit
        def apply(W, dW, state):
            updates, state = tx.update(dW, state, W)
            return optax.apply_updates(W, updates), state

        self.apply = apply

    def step(self, W, dW):
        new, self.state = self.apply(jnp.asarray(W), jnp.asarray(dW), self.state)
        return np.asarray(new)
