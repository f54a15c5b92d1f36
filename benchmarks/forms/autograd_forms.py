"""HIPS autograd's contender: NumPy's own operations, recorded and walked back; AdamW is
``impl_numpy``'s."""

from typing import Any

import autograd.numpy as anp
from autograd import value_and_grad
from autograd.scipy.special import logsumexp

from benchmarks.forms.numpy_forms import adamw
from benchmarks.harness.interleave import Job, Unavailable, last_result
from benchmarks.harness.work import Work


def mean_loss(W: Any, idx: Any, targets: Any) -> Any:
    """Per token."""
    logits = W[idx]
    return anp.mean(logsumexp(logits, axis=1) - logits[anp.arange(len(idx)), targets])


def flat_batches(work: Work) -> list[Any]:
    """(N,) each. ``Unavailable`` where a step takes seconds."""
    if work.batches[0][0].size * len(work.table) > 2**22:
        raise Unavailable("a step of HIPS autograd takes seconds here")
    return [(idx.ravel(), targets.ravel()) for idx, targets in work.batches]


def step(work: Work, name: str) -> Job:
    """Gradient and AdamW."""
    batches, function, W = flat_batches(work), value_and_grad(mean_loss), work.table.copy()
    optimizer = adamw(W, work.config)

    def run(i: int) -> None:
        _, dW = function(W, *batches[i % len(batches)])
        optimizer.step(W, dW)

    return Job(run, lambda: W)


def gradient(work: Work, name: str) -> Job:
    """Loss and gradient."""
    batches, function = flat_batches(work), value_and_grad(mean_loss)
    return last_result(lambda i: function(work.table, *batches[i % len(batches)]))
