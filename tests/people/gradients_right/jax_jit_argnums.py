# what: jit in float64, the table third, argnums=2, has_aux
# call: value_aux_grad
# truth: right
# kind: gradient ; interface: (x, y, params) -> ((loss, aux), dW)
# needs: jax

import jax

jax.config.update("jax_enable_x64", True)


def forward(x, y, params):
    logp = jax.nn.log_softmax(params)[x]
    nll = -(logp * jax.nn.one_hot(y, params.shape[1], dtype=params.dtype)).sum(-1)
    return nll.mean(), {"per_token": nll}


value_aux_grad = jax.jit(jax.value_and_grad(forward, argnums=2, has_aux=True))
