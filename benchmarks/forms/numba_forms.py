"""Numba's contenders: the loops of ``loops.c`` in Python, compiled, with exact arithmetic."""

import math
from typing import Any

import numpy as np
from numba import njit

from benchmarks.harness.interleave import Job, compiling
from benchmarks.harness.work import Work

ONE = np.float32(1)


@njit
def exponentials(row: Any, p: Any) -> Any:
    largest, total = row.max(), 0.0  # added in double, as in loops.c
    for j in range(len(row)):
        p[j] = math.exp(row[j] - largest)
        total += p[j]
    return largest, np.float32(total)


@njit
def update(W: Any, m: Any, v: Any, g: Any, s: Any) -> None:
    decay, one_minus_beta1, beta2, one_minus_beta2, rate, root, eps = s
    for j in range(len(W)):
        m[j] += one_minus_beta1 * (g[j] - m[j])
        v[j] = beta2 * v[j] + one_minus_beta2 * g[j] * g[j]
        W[j] = decay * W[j] - rate * m[j] / (np.sqrt(v[j]) / root + eps)


@njit
def per_token(W: Any, m: Any, v: Any, idx: Any, targets: Any, s: Any, dW: Any, p: Any) -> Any:
    N, loss = len(idx), 0.0
    dW[:] = 0
    for k in range(N):
        largest, total = exponentials(W[idx[k]], p)
        d, scale = dW[idx[k]], ONE / (total * np.float32(N))
        for j in range(len(d)):
            d[j] += p[j] * scale
        d[targets[k]] -= ONE / np.float32(N)
        loss += math.log(total) - (W[idx[k], targets[k]] - largest)
    for i in range(len(W)):
        update(W[i], m[i], v[i], dW[i], s)
    return loss / N


@njit
def pair_counts(W: Any, m: Any, v: Any, idx: Any, targets: Any, s: Any, dW: Any, p: Any) -> Any:
    """``dW`` holds the counts, and is zero before and after."""
    V, N, loss = len(W), np.float32(len(idx)), 0.0
    n = np.zeros(V, np.float32)
    for k in range(len(idx)):
        dW[idx[k], targets[k]] += ONE
        n[idx[k]] += ONE
    for i in range(V):
        C = dW[i]
        if n[i] == 0:
            p[:] = 0
        else:
            largest, total = exponentials(W[i], p)
            scale = n[i] / total
            for j in range(V):
                loss -= C[j] * (W[i, j] - largest)
                p[j] = (p[j] * scale - C[j]) / N
                C[j] = 0
            loss += n[i] * math.log(total)
        update(W[i], m[i], v[i], p, s)
    return loss / N


def step(work: Work, name: str) -> Job:
    """Gradient and AdamW, in place."""
    config, function = work.config, pair_counts if name == "numba-pair-counts" else per_token
    (beta1, beta2), decay = config.betas, 1 - config.lr * config.weight_decay
    batches = [(idx.ravel(), targets.ravel()) for idx, targets in work.batches]
    W, m, v, dW = work.table.copy(), *(np.zeros_like(work.table) for _ in range(3))
    p = np.empty(len(W), W.dtype)

    def run(i: int) -> None:
        rate, root = config.lr / (1 - beta1 ** (i + 1)), math.sqrt(1 - beta2 ** (i + 1))
        scalars = (decay, 1 - beta1, beta2, 1 - beta2, rate, root, config.eps)
        function(W, m, v, *batches[i % len(batches)], tuple(map(np.float32, scalars)), dW, p)

    with compiling() as info:
        run(0)
    W[...], m[...], v[...] = work.table, 0, 0
    return Job(run, lambda: W, info=info)
