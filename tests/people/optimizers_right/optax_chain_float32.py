# what: a chain of scale_by_adam, decay and the rate, without x64
# call: adamw_chain
# truth: right
# kind: optimizer ; interface: adamw_chain(learning_rate, b1, b2, eps, weight_decay) -> init and update, the updates are to be added
# needs: jax, optax
# options: --dtype float32

import optax


def adamw_chain(learning_rate=1e-3, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1e-2):
    return optax.chain(
        optax.scale_by_adam(b1=b1, b2=b2, eps=eps),
        optax.add_decayed_weights(weight_decay),
        optax.scale_by_learning_rate(learning_rate),
    )
