"""Proves that the hand-written AdamW is torch's: step by step, over whole runs, at every setting;
and that the comparison tells it from the AdamWs that people write by mistake."""

import functools
import math

import numpy as np
import pytest

from common.config import Config
from common.errors import UserError
from impl_numpy.adamw import AdamW
from tests.kit import one_in

torch = pytest.importorskip("torch")

DTYPES = ["float32", "float64"]
V = 65
# In units of u times the largest entry. Measured over SETTINGS: at most 3.4 in the weights and 4.0
# in the moments, for torch fuses multiply-adds where NumPy rounds twice.
LIMIT = 20


@functools.cache
def gradients(dtype: str, steps: int) -> list[np.ndarray]:
    """Rows come and go, as they do in batches; row 0 is never visited. Shared: no test may write to
    them."""
    rng = np.random.default_rng(0)
    visited = rng.random((steps, V, 1)) < 0.3
    visited[:, 0] = False
    shared = (rng.normal(scale=0.01, size=(steps, V, V)) * visited).astype(dtype)
    shared.flags.writeable = False
    return list(shared)


def start(dtype: str) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((V, V)).astype(dtype)


def run_torch(dtype: str, steps: int, **settings: object) -> dict[str, np.ndarray]:
    weight = torch.nn.Parameter(torch.from_numpy(start(dtype)))
    optimizer = torch.optim.AdamW([weight], **settings)
    for dW in gradients(dtype, steps):
        weight.grad = torch.from_numpy(dW.copy())
        optimizer.step()
    state = optimizer.state[weight]
    return {
        "weight": weight.detach().numpy(),
        "exp_avg": state["exp_avg"].numpy(),
        "exp_avg_sq": state["exp_avg_sq"].numpy(),
    }


def run_ours(
    dtype: str, steps: int, cls: type = AdamW, **settings: object
) -> dict[str, np.ndarray]:
    W = start(dtype)
    optimizer = cls(W, **settings)
    for dW in gradients(dtype, steps):
        optimizer.step(W, dW)
    return {"weight": W, "exp_avg": optimizer.exp_avg, "exp_avg_sq": optimizer.exp_avg_sq}


def distance(ours: dict[str, np.ndarray], theirs: dict[str, np.ndarray]) -> dict[str, float]:
    """The largest difference in each, in units of u times the largest entry."""
    return {
        name: float(abs(ours[name].astype(np.float64) - theirs[name]).max())
        / (float(np.finfo(theirs[name].dtype).eps) / 2 * float(abs(theirs[name]).max()))
        for name in theirs
    }


SETTINGS = [
    {},
    {"lr": 1e-2},
    {"lr": 1.0, "weight_decay": 0.5},
    {"weight_decay": 0.0},
    {"betas": (0.5, 0.9)},  # torch.lerp changes its formula at 1 - beta1 = 0.5
    {"betas": (0.3, 0.99)},
    {"betas": (0.1, 0.999)},
    {"betas": (0.0, 0.0)},
    {"eps": 1e-3},
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("settings", one_in(3, SETTINGS), ids=str)
def test_a_thousand_steps_agree_with_torch(settings: dict, dtype: str) -> None:
    apart = distance(run_ours(dtype, 1000, **settings), run_torch(dtype, 1000, **settings))
    assert max(apart.values()) <= LIMIT, apart


@pytest.mark.parametrize("dtype", DTYPES)
def test_everything_stays_in_its_dtype_and_the_gradient_as_it_was(dtype: str) -> None:
    W, dW = start(dtype), gradients(dtype, 1)[0].copy()
    before = dW.copy()
    optimizer = AdamW(W)
    optimizer.step(W, dW)
    assert {W.dtype, optimizer.exp_avg.dtype, optimizer.exp_avg_sq.dtype} == {np.dtype(dtype)}
    np.testing.assert_array_equal(dW, before)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"lr": -1.0}, "lr is -1.0; it must be a number from 0 to 1e30"),
        ({"lr": math.inf}, "lr is inf; it must be a number from 0 to 1e30"),
        ({"eps": math.nan}, "eps is nan; it must be a number from 0 to 1e30"),
        ({"weight_decay": -1}, "weight_decay is -1; it must be a number from 0 to 1e30"),
        ({"betas": (1.0, 0.0)}, "beta1 is 1.0; it must be at least 0 and below 1"),
        ({"betas": (0.9, math.nan)}, "beta2 is nan; it must be at least 0 and below 1"),
    ],
)
def test_a_setting_without_an_update_is_refused_as_config_refuses_it(
    setting: dict, message: str
) -> None:
    for make in (lambda: AdamW(np.zeros((2, 2)), **setting), lambda: Config(**setting)):
        with pytest.raises(UserError) as raised:
            make()
        assert str(raised.value) == message


def test_a_row_never_visited_only_decays() -> None:
    lr, weight_decay = 1e-2, 0.1
    result = run_ours("float64", 500, lr=lr, weight_decay=weight_decay)
    expected = start("float64")[0] * (1 - lr * weight_decay) ** 500
    np.testing.assert_allclose(result["weight"][0], expected, rtol=500 * 2**-53)
    assert not result["exp_avg"][0].any()
    assert not result["exp_avg_sq"][0].any()


def test_the_first_step_is_the_learning_rate_in_size() -> None:
    # By hand: m = 0.1 g and v = 0.001 g^2, both corrected back to g and g^2: the step is lr *
    # sign(g).
    W = np.array([[1.0, -2.0]])
    AdamW(W, lr=0.5, eps=0.0, weight_decay=0.1).step(W, np.array([[3.0, -4e-7]]))
    np.testing.assert_allclose(W, [[0.95 * 1 - 0.5, 0.95 * -2 + 0.5]], rtol=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("weight", [0.25, 0.375, 0.5 - 2**-30, 0.5, 0.625, 0.75])
def test_the_mean_moves_from_the_end_that_torch_takes(weight: float, dtype: str) -> None:
    # g - m = 1 + u is rounded to 1, which forgets g: the last bit of the result tells whether m or
    # g was moved. No product is rounded, so it does not matter whether it is fused with the sum.
    u = float(np.finfo(dtype).eps) / 2
    m, g = np.full(20, -1, dtype), np.full(20, u, dtype)
    optimizer = AdamW(m, betas=(1 - weight, 0.9))
    optimizer.exp_avg[...] = m
    optimizer.step(np.zeros_like(m), g)
    expected = torch.lerp(torch.from_numpy(m), torch.from_numpy(g), weight)
    np.testing.assert_array_equal(optimizer.exp_avg, expected.numpy())
    w = float(np.dtype(dtype).type(weight))  # 0.5 in float32 for the third of them
    np.testing.assert_array_equal(
        optimizer.exp_avg, m + w if w < 0.5 else np.full_like(m, u - (1 - w))
    )


class DecayAfterTheUpdate(AdamW):
    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        decay, self.weight_decay = self.weight_decay, 0.0
        super().step(W, dW)
        self.weight_decay = decay
        W *= 1 - self.lr * decay


class StepsCountedFromZero(AdamW):
    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.steps = 1


class EpsBeforeTheCorrection(AdamW):
    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        eps, t = self.eps, self.steps + 1
        self.eps = eps / math.sqrt(1 - self.betas[1] ** t)
        super().step(W, dW)
        self.eps = eps


class LazyRows(AdamW):
    def step(self, W: np.ndarray, dW: np.ndarray) -> None:
        absent = ~dW.any(axis=1)
        kept = W[absent].copy()
        super().step(W, dW)
        W[absent] = kept


class BetasSwapped(AdamW):
    def __init__(self, W: np.ndarray, **settings: float) -> None:
        super().__init__(W, betas=(0.999, 0.9), **settings)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "cls",
    [DecayAfterTheUpdate, StepsCountedFromZero, EpsBeforeTheCorrection, LazyRows, BetasSwapped],
)
def test_planted_mistakes_are_caught(cls: type, dtype: str) -> None:
    # A larger rate and decay than the defaults: with those, decay after the update moves float32
    # weights by no more than rounding does.
    settings = {"lr": 1e-2, "weight_decay": 0.1}
    apart = distance(run_ours(dtype, 1000, cls, **settings), run_torch(dtype, 1000, **settings))
    assert max(apart.values()) > 100 * LIMIT
