# what: optax.adamw under its own name, whose default decay is 1e-4, in float64
# call: adamw
# truth: right
# kind: optimizer ; interface: optax.adamw(learning_rate, b1, b2, eps, weight_decay) -> init and update, the updates are to be added
# needs: jax, optax

import jax
import optax

jax.config.update("jax_enable_x64", True)

adamw = optax.adamw
