"""JAX's contenders: the model as a function of its table, the whole step in one jitted function
that may overwrite its arguments (donated). Batches are on the device beforehand, and no loss is
fetched."""

import functools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness.interleave import Job, compiling
from benchmarks.harness.work import Work
from common.arrays import Array
from common.config import Config


def mean_loss(W: Any, idx: Any, targets: Any) -> Any:
    """Per token."""
    logp = jax.nn.log_softmax(W[idx])
    return -jnp.take_along_axis(logp, targets[..., None], axis=-1).mean()


def per_token(W: Any, idx: Any, targets: Any) -> Any:
    """Loss and gradient as autodiff finds them."""
    return jax.value_and_grad(mean_loss)(W, idx, targets)


def pair_counts(W: Any, idx: Any, targets: Any) -> Any:
    """Loss and gradient as in impl_numpy/pair_counts.py."""
    C = jnp.zeros_like(W).at[idx.ravel(), targets.ravel()].add(1)
    logp = jax.nn.log_softmax(W)
    return -(C * logp).sum() / idx.size, (C.sum(1, keepdims=True) * jnp.exp(logp) - C) / idx.size


def update(config: Config, W: Any, m: Any, v: Any, t: Any, dW: Any) -> Any:
    """AdamW; ``t`` steps have been made before."""
    beta1, beta2 = config.betas
    t = t + 1
    m = m + (1 - beta1) * (dW - m)
    v = beta2 * v + (1 - beta2) * dW * dW
    # -expm1(t log beta) is 1 - beta**t without the cancellation of float32.
    first, second = (-jnp.expm1(t * np.log(beta)) for beta in config.betas)
    denominator = jnp.sqrt(v) / jnp.sqrt(second) + config.eps
    return W * (1 - config.lr * config.weight_decay) - config.lr / first * m / denominator, m, v, t


def state_of(work: Work) -> list[Any]:
    """W, both moments and the number of steps, each in separate memory, for each is donated."""
    return [*(jnp.array(x) for x in (work.table, 0 * work.table, 0 * work.table)), jnp.float32(0)]


def batches_of(work: Work) -> list[tuple[Any, Any]]:
    """On the device, in int32: JAX has no int64 unless told."""
    return [(jnp.array(x, jnp.int32), jnp.array(y, jnp.int32)) for x, y in work.batches]


def training(function: Any, work: Work, inputs: list[Any]) -> Job:
    """``function(W, m, v, t, *input)`` returns the next four; the first call compiles."""
    with compiling() as info:
        jax.block_until_ready(function(*state_of(work), *inputs[0]))
    state = state_of(work)

    def run(i: int) -> None:
        state[:] = function(*state, *inputs[i % len(inputs)])

    return Job(run, lambda: np.array(state[0]), lambda: jax.block_until_ready(state), info)


def of_the_table(function: Any, work: Work) -> Job:
    """A job that keeps nothing from one call to the next."""
    W, batches = jnp.array(work.table), batches_of(work)
    with compiling() as info:
        last = [jax.block_until_ready(function(W, *batches[0]))]

    def run(i: int) -> None:
        last[0] = function(W, *batches[i % len(batches)])

    return Job(run, lambda: last[0], lambda: jax.block_until_ready(last), info)


def step(work: Work, name: str) -> Job:
    """Gradient and AdamW."""
    gradient_of = pair_counts if name == "jax-pair-counts" else per_token

    @functools.partial(jax.jit, donate_argnums=(0, 1, 2, 3))
    def whole(W: Any, m: Any, v: Any, t: Any, idx: Any, targets: Any) -> Any:
        _, dW = gradient_of(W, idx, targets)
        return update(work.config, W, m, v, t, dW)

    return training(whole, work, batches_of(work))


def gradient(work: Work, name: str) -> Job:
    """Loss and gradient."""
    job = of_the_table(jax.jit(per_token), work)
    return replace(job, result=lambda: tuple(map(np.array, job.result())))


def forward(work: Work, name: str) -> Job:
    """The mean loss."""
    return of_the_table(jax.jit(mean_loss), work)


def optimizer_step(work: Work, gradients: list[Array], name: str) -> Job:
    """AdamW alone."""
    whole = jax.jit(functools.partial(update, work.config), donate_argnums=(0, 1, 2, 3))
    return training(whole, work, [(jnp.array(dW),) for dW in gradients])


def empty_call() -> Any:
    """A call of a jitted function on a single number."""
    function, x = jax.jit(lambda x: x + 1), jnp.float32(1)
    function(x)
    return lambda _: function(x)
