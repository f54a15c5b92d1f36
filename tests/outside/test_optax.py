"""Proves that the hand-written AdamW is optax's too, in float32: the same formulas in another
order."""

import numpy as np
import pytest

from bigram.doctor import optimizer

optax = pytest.importorskip("optax", reason="optax is not installed")


@pytest.mark.filterwarnings("ignore")  # of JAX about the machine
@pytest.mark.parametrize("name", ["ten steps", "large rate, decay", "other betas", "large eps"])
def test_optax_adamw_is_within_the_doctors_bound(name: str) -> None:
    (run,) = [run for run in optimizer.optimizer_runs("float32") if run.name == name]
    lr, (b1, b2) = run.settings["lr"], run.settings["betas"]
    adamw = optax.adamw(lr, b1, b2, run.settings["eps"], weight_decay=run.settings["weight_decay"])
    W = run.W
    state, tables = adamw.init(W), []
    for g in run.gradients[:100]:
        updates, state = adamw.update(g, state, W)
        W = np.asarray(optax.apply_updates(W, updates))
        tables.append(W)
    truth, bound = run.truth_and_bound
    # Its decay goes together with the step, both from the old table: lr * lr * decay apart after
    # each.
    decay = lr**2 * run.settings["weight_decay"] * np.arange(1, len(tables) + 1)[:, None, None]
    steps = len(tables)
    apart = abs(np.array(tables, dtype=np.float64) - truth[:steps].astype(np.float64))
    assert (apart <= 2 * bound[:steps] + 2 * decay).all()
