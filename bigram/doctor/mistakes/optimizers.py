"""Wrong AdamWs that people really write, each by name: the step taken apart, and one part done
wrong.

``Parts`` is a correct AdamW in the order of ``impl_numpy/adamw.py``, cut into methods and written
plainly. Each mistake overrides one of them, so that two in different parts can be made at once. The
wrong gradients are in ``gradients.py``.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from bigram.doctor.mistakes.stages import Mistake
from common.arrays import Array


class Parts:
    """AdamW, done right."""

    def __init__(
        self,
        W: Array,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        self.lr, self.eps, self.weight_decay = lr, eps, weight_decay
        self.beta1, self.beta2 = betas
        self.t = 0
        self.m = np.zeros_like(W)
        self.v = np.zeros_like(W)

    memory: ClassVar[dict[str, Any]] = {}
    ways: ClassVar[dict[str, str]] = {}
    amount: Any = None

    def way(self, cls: type) -> str:
        """The variant of that mistake."""
        return self.ways[cls.__name__]

    def step(self, W: Array, dW: Array) -> None:
        """One update of W, in place."""
        self.t += 1
        g = self.gradient(W, dW)
        self.decay(W, dW)
        self.m = self.first_moment(g)
        self.v = self.second_moment(g)
        m_hat, v_hat = self.corrected()
        self.update(W, dW, m_hat, self.denominator(v_hat))

    def gradient(self, W: Array, dW: Array) -> Array:
        """The gradient that the moments are taken of."""
        return dW

    def decay(self, W: Array, dW: Array) -> None:
        """Every row decays, apart from the gradient."""
        W *= 1 - self.lr * self.weight_decay

    def first_moment(self, g: Array) -> Array:
        """The running mean of the gradient."""
        return self.m + (1 - self.beta1) * (g - self.m)

    def second_moment(self, g: Array) -> Array:
        """The running mean of its square."""
        return self.beta2 * self.v + (1 - self.beta2) * g * g

    def corrected(self) -> tuple[Array, Array]:
        """Both moments without their start from zero."""
        return self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t)

    def denominator(self, v_hat: Array) -> Array:
        """The root of the second moment; eps comes after it."""
        return np.sqrt(v_hat) + self.eps

    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        """Every row moves, visited or not, as long as its first moment lasts."""
        W -= self.lr * m_hat / denominator


OPTIMIZERS: list[Mistake] = []
DEFAULTS: dict[str, Any] = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}


def build(mistakes: Iterable[Mistake] = ()) -> type[Parts]:
    """The class of an AdamW with these mistakes in it; without any, of a correct one."""
    mistakes = list(mistakes)
    classes: list[Any] = [next(iter(mistake.code.values())) for mistake in mistakes]
    given: dict[str, Any] = {"memory": {}, "ways": {}}  # fresh with each class
    for mistake, cls in zip(mistakes, classes, strict=True):
        chosen = list(mistake.chosen)
        if mistake.amounts:
            given["amount"] = chosen.pop(0)
        for way in chosen:
            given["ways"][cls.__name__] = way
    return type("Mistaken", (*classes, Parts), given)


def mistake(
    name: str,
    part: Callable[..., object],
    *,
    why: str,
    mend: str,
    amounts: tuple[float, float] | None = None,
    usual: float | None = None,
    variants: tuple[str, ...] = (),
    remembers: bool = False,
    precision: bool = False,
) -> Callable[[type], type]:
    """Enters the class below it in the catalogue. It finds the number it is given in
    ``self.amount``, and the variant in ``self.way(its own class)``."""

    def enter(code: type) -> type:
        code.__doc__ = why
        parts = {part.__name__, *vars(code)} & {*vars(Parts)} - {
            "__init__",
            "__doc__",
            "__module__",
        }
        order = [part.__name__, *sorted(parts - {part.__name__})]
        chosen = (*((usual,) if amounts else ()), *variants[:1])
        OPTIMIZERS.append(
            Mistake(
                name,
                why,
                mend,
                dict.fromkeys(order, code),
                name,
                "W",
                amounts=amounts,
                variants=variants,
                chosen=chosen,
                remembers=remembers,
                precision=precision,
            )
        )
        return code

    return enter


# --- decay ----------------------------------------------------------------------------------------


@mistake(
    "L2 in the gradient",
    Parts.gradient,
    why=(
        "Adam with weight decay adds wd * W to the gradient; AdamW exists because that is not the "
        "same."
    ),
    mend="Multiply W by 1 - lr * weight_decay and leave the gradient alone.",
)
class L2InTheGradient(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        return dW + self.weight_decay * W

    def decay(self, W: Array, dW: Array) -> None:
        pass


@mistake(
    "no decay",
    Parts.decay,
    why="Plain Adam.",
    mend="Multiply W by 1 - lr * weight_decay before the update.",
)
class NoDecay(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        pass


@mistake(
    "decay not times lr",
    Parts.decay,
    why="The paper's schedule multiplier is taken for the learning rate, or left out.",
    mend="The factor is 1 - lr * weight_decay.",
)
class DecayNotTimesLr(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        W *= 1 - self.weight_decay


@mistake(
    "decay after the update",
    Parts.decay,
    why="The decay stands at the end of the step, so it shrinks the update as well.",
    mend="Decay first, then update.",
)
class DecayAfterTheUpdate(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        pass

    def step(self, W: Array, dW: Array) -> None:
        super().step(W, dW)
        W *= 1 - self.lr * self.weight_decay


@mistake(
    "decay of visited rows only",
    Parts.decay,
    why="Only the rows in the batch are touched, to save work.",
    mend="Decay every row: torch does, and an unseen row ends at (1 - lr * wd)**t of its start.",
)
class DecayOfVisitedRows(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        W[dW.any(axis=1)] *= 1 - self.lr * self.weight_decay


# --- moments --------------------------------------------------------------------------------------


@mistake(
    "square not damped",
    Parts.second_moment,
    why="v = beta2 * v + g * g: the factor 1 - beta2 is missing, as in Adagrad's sum.",
    mend="v = beta2 * v + (1 - beta2) * g * g.",
)
class SquareNotDamped(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta2 * self.v + g * g


@mistake(
    "gradient not damped",
    Parts.first_moment,
    why="m = beta1 * m + g is SGD's momentum: ten times too large at beta1 = 0.9.",
    mend="m = beta1 * m + (1 - beta1) * g.",
)
class GradientNotDamped(Parts):
    def first_moment(self, g: Array) -> Array:
        return self.beta1 * self.m + g


@mistake(
    "first moment never kept",
    Parts.first_moment,
    why="m is made anew in every step.",
    mend="Keep m from step to step.",
)
class FirstMomentNeverKept(Parts):
    def first_moment(self, g: Array) -> Array:
        return (1 - self.beta1) * g


@mistake(
    "second moment never kept",
    Parts.second_moment,
    why="v is made anew in every step.",
    mend="Keep v from step to step.",
)
class SecondMomentNeverKept(Parts):
    def second_moment(self, g: Array) -> Array:
        return (1 - self.beta2) * g * g


@mistake(
    "gradient not squared",
    Parts.second_moment,
    why="The mean of |g| is kept instead of the mean of g * g.",
    mend="Square the gradient before it enters the running mean.",
)
class GradientNotSquared(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta2 * self.v + (1 - self.beta2) * abs(g)


@mistake(
    "square of the mean",
    Parts.second_moment,
    why="v is fed with m * m: the square of the mean, not the mean of the square.",
    mend="Feed v with the gradient's own square.",
)
class SquareOfTheMean(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta2 * self.v + (1 - self.beta2) * self.m * self.m


@mistake(
    "second moment around the mean",
    Parts.second_moment,
    why="v is fed with (g - m)**2, the variance: that is AdaBelief.",
    mend="v is the raw second moment, of g * g.",
)
class SecondMomentAroundTheMean(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta2 * self.v + (1 - self.beta2) * (g - self.m) ** 2


@mistake(
    "betas swapped",
    Parts.gradient,
    why="The pair is unpacked in the wrong order.",
    mend="beta1 = 0.9 belongs to the gradient, beta2 = 0.999 to its square.",
)
class BetasSwapped(Parts):
    def first_moment(self, g: Array) -> Array:
        return self.beta2 * self.m + (1 - self.beta2) * g

    def second_moment(self, g: Array) -> Array:
        return self.beta1 * self.v + (1 - self.beta1) * g * g

    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta2**self.t), self.v / (1 - self.beta1**self.t)


@mistake(
    "one beta for both",
    Parts.second_moment,
    why="beta1 is used for the second moment too.",
    mend="The second moment has beta2, and its correction too.",
)
class OneBetaForBoth(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta1 * self.v + (1 - self.beta1) * g * g

    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta1**self.t)


@mistake(
    "largest second moment kept",
    Parts.corrected,
    variants=("", "corrected first", "not corrected", "neither moment corrected"),
    why="amsgrad=True divides by the largest v so far.",
    mend="Divide by the present v; torch's default is amsgrad=False.",
)
class LargestSecondMomentKept(Parts):
    def corrected(self) -> tuple[Array, Array]:
        way, bias = self.way(LargestSecondMomentKept), 1 - self.beta2**self.t
        self.largest = np.maximum(
            getattr(self, "largest", 0), self.v / (bias if way == "corrected first" else 1)
        )
        first = self.m / (1 if "neither" in way else 1 - self.beta1**self.t)
        return first, self.largest / (1 if way else bias)


# --- bias correction ------------------------------------------------------------------------------


@mistake(
    "no bias correction",
    Parts.corrected,
    why="The moments are used as they are.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
class NoBiasCorrection(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m, self.v


@mistake(
    "first moment not corrected",
    Parts.corrected,
    why="Only v is divided by its correction.",
    mend="Divide m by 1 - beta1**t as well.",
)
class FirstMomentNotCorrected(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m, self.v / (1 - self.beta2**self.t)


@mistake(
    "second moment not corrected",
    Parts.corrected,
    why="Only m is divided by its correction.",
    mend="Divide v by 1 - beta2**t as well.",
)
class SecondMomentNotCorrected(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1**self.t), self.v


@mistake(
    "t one ahead",
    Parts.corrected,
    variants=("", "twice as fast", "one behind, at least 1"),
    why="t starts from 1 and is raised before it is used.",
    mend="The first step is t = 1.",
)
class TOneAhead(Parts):
    def corrected(self) -> tuple[Array, Array]:
        t = {"": self.t + 1, "twice as fast": 2 * self.t}.get(
            self.way(TOneAhead), max(1, self.t - 1)
        )
        return self.m / (1 - self.beta1**t), self.v / (1 - self.beta2**t)


@mistake(
    "t never raised",
    Parts.corrected,
    why="t stays at 1, so the correction of the first step is made for ever.",
    mend="Raise t in every step.",
)
class TNeverRaised(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1), self.v / (1 - self.beta2)


@mistake(
    "corrected moments stored",
    Parts.corrected,
    why="m and v are divided in place, so every later step corrects them again.",
    mend="Correct a copy; m and v themselves stay as they are.",
)
class CorrectedMomentsStored(Parts):
    def corrected(self) -> tuple[Array, Array]:
        self.m, self.v = super().corrected()
        return self.m, self.v


@mistake(
    "bias corrections in float32",
    Parts.corrected,
    precision=True,
    why="beta**t is worked out in single precision.",
    mend="Work out scalars in double precision and round them once, where they meet the array.",
)
class BiasCorrectionsInFloat32(Parts):
    def corrected(self) -> tuple[Array, Array]:
        beta1, beta2 = np.float32(self.beta1), np.float32(self.beta2)
        return self.m / float(1 - beta1**self.t), self.v / float(1 - beta2**self.t)


# --- denominator ----------------------------------------------------------------------------------


@mistake(
    "eps inside the root",
    Parts.denominator,
    variants=("", "before the bias correction", "squared", "and outside as well"),
    why="sqrt(v + eps), as RMSProp and Adagrad are often written: where v is small, eps rules.",
    mend="sqrt(v) + eps.",
)
class EpsInsideTheRoot(Parts):
    def denominator(self, v_hat: Array) -> Array:
        way = self.way(EpsInsideTheRoot)
        eps = self.eps / (1 - self.beta2**self.t) if "before" in way else self.eps
        return np.sqrt(v_hat + (eps**2 if way == "squared" else eps)) + (
            eps if "outside" in way else 0
        )


@mistake(
    "eps before the bias correction",
    Parts.denominator,
    why=(
        "The corrections are folded into lr, as Keras and ONNX do, and eps meets the uncorrected "
        "root."
    ),
    mend="Add eps to sqrt(v / (1 - beta2**t)).",
)
class EpsBeforeTheBiasCorrection(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.sqrt(v_hat) + self.eps / math.sqrt(1 - self.beta2**self.t)


@mistake(
    "eps ten times larger",
    Parts.denominator,
    why="1e-7 is Keras's default; torch's is 1e-8.",
    mend="Set eps to the other's value.",
)
class EpsTenTimesLarger(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.sqrt(v_hat) + 10 * self.eps


@mistake(
    "eps left out",
    Parts.denominator,
    why="It looks like a guard against division by zero, and zero never came up.",
    mend="Add eps: it also damps entries whose gradients are as small as itself.",
)
class EpsLeftOut(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.where(v_hat > 0, np.sqrt(v_hat), 1)


@mistake(
    "root left out",
    Parts.denominator,
    why="The update is divided by v instead of by its root.",
    mend="Divide by sqrt(v) + eps.",
)
class RootLeftOut(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return v_hat + self.eps


# --- update ---------------------------------------------------------------------------------------


@mistake(
    "uphill",
    Parts.update,
    why="The sign of the update is lost.",
    mend="Subtract the update.",
)
class Uphill(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W += self.lr * m_hat / denominator


@mistake(
    "lazy rows",
    Parts.update,
    variants=("", "moments and update", "moments, update and decay"),
    why="Only rows in the batch move, as SparseAdam does, though the others still have momentum.",
    mend="Update every row: a first moment outlives its gradient.",
)
class LazyRows(Parts):
    def step(self, W: Array, dW: Array) -> None:
        absent, way = ~dW.any(axis=-1), self.way(LazyRows)
        kept = W.copy() if "decay" in way else W * (1 - self.lr * self.weight_decay)
        m, v = self.m.copy(), self.v.copy()
        super().step(W, dW)
        W[..., absent, :] = kept[..., absent, :]
        if way:
            self.m[..., absent, :], self.v[..., absent, :] = m[..., absent, :], v[..., absent, :]


@mistake(
    "gradient instead of its mean",
    Parts.update,
    why="The raw gradient is scaled by the second moment: that is RMSProp.",
    mend="Move along the corrected first moment.",
)
class GradientInsteadOfItsMean(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.lr * dW / denominator


@mistake(
    "looking ahead",
    Parts.update,
    variants=("", "corrected for the next step", "with torch's momentum schedule", "of m as it is"),
    why="The first moment is mixed once more with the present gradient: that is NAdam.",
    mend="Use the first moment as it is.",
)
class LookingAhead(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        way, beta1, t = self.way(LookingAhead), self.beta1, self.t
        if "schedule" in way:
            now, after = (beta1 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in (t, t + 1))
            # torch keeps it so
            self.product = getattr(self, "product", np.float32(1)) * np.float32(now)
            product = float(self.product)
            ahead = (1 - now) * dW / (1 - product) + after * self.m / (1 - product * after)
        else:
            first = self.m / (1 - beta1 ** (t + 1)) if "next" in way else self.m if way else m_hat
            ahead = beta1 * first + (1 - beta1) * dW / (1 if "as it is" in way else 1 - beta1**t)
        W -= self.lr * ahead / denominator


# --- other mistakes -------------------------------------------------------------------------------


@mistake(
    "moments multiplied by the correction",
    Parts.corrected,
    variants=("", "the first alone", "the second alone"),
    why="m * (1 - beta1**t): the correction makes the first moments smaller instead of larger.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
class MomentsMultiplied(Parts):
    def corrected(self) -> tuple[Array, Array]:
        c1, c2 = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        way = self.way(MomentsMultiplied)
        m = self.m / c1 if "second" in way else self.m * c1
        return m, self.v / c2 if "first" in way else self.v * c2


@mistake(
    "beta times t",
    Parts.corrected,
    why="beta * t or beta ^ t stands for beta**t.",
    mend="The corrections are 1 - beta1**t and 1 - beta2**t, powers of the betas.",
)
class BetaTimesT(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1 * self.t), self.v / (1 - self.beta2 * self.t)


@mistake(
    "root of the correction left out",
    Parts.corrected,
    why=(
        "The corrections are folded into lr, and that of v comes after the root: it needs a root "
        "as well."
    ),
    mend="lr * sqrt(1 - beta2**t) / (1 - beta1**t).",
)
class RootOfTheCorrection(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1**self.t), self.v / (1 - self.beta2**self.t) ** 2


@mistake(
    "t counted for each row",
    Parts.corrected,
    why="A row's t is raised only in steps that visit it, as in some sparse optimizers.",
    mend="One t for all: every row's moments fade in every step.",
)
class TOfEachRow(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        self.rows = getattr(self, "rows", 0) + dW.any(axis=-1, keepdims=True)
        return dW

    def corrected(self) -> tuple[Array, Array]:
        t = np.maximum(self.rows, 1)
        return self.m / (1 - self.beta1**t), self.v / (1 - self.beta2**t)


@mistake(
    "moments started at the first gradient",
    Parts.first_moment,
    variants=("", "and not corrected"),
    why="m = g and v = g * g in the first step, as a running mean is often begun.",
    mend="Both moments start from zero; the bias correction is made for that.",
)
class MomentsStartedAtTheGradient(Parts):
    def first_moment(self, g: Array) -> Array:
        return super().first_moment(g) if self.t > 1 else g.copy()

    def second_moment(self, g: Array) -> Array:
        return super().second_moment(g) if self.t > 1 else g * g

    def corrected(self) -> tuple[Array, Array]:
        return (self.m, self.v) if self.way(MomentsStartedAtTheGradient) else super().corrected()


@mistake(
    "ends of the running mean exchanged",
    Parts.first_moment,
    variants=("", "the second alone", "both"),
    why=(
        "lerp(m, g, beta1), or (1 - beta1) * m + beta1 * g: the gradient has the weight of the "
        "mean."
    ),
    mend="m = beta1 * m + (1 - beta1) * g, which is lerp(m, g, 1 - beta1).",
)
class EndsExchanged(Parts):
    def first_moment(self, g: Array) -> Array:
        if "second" in self.way(EndsExchanged):
            return super().first_moment(g)
        return (1 - self.beta1) * self.m + self.beta1 * g

    def second_moment(self, g: Array) -> Array:
        if not self.way(EndsExchanged):
            return super().second_moment(g)
        return (1 - self.beta2) * self.v + self.beta2 * g * g


@mistake(
    "one array for both moments",
    Parts.first_moment,
    why="m = v = zeros makes one array with two names, and each update writes over the other's.",
    mend="Make two arrays.",
)
class OneArrayForBoth(Parts):
    def first_moment(self, g: Array) -> Array:
        self.v = super().first_moment(g)
        return self.v

    def second_moment(self, g: Array) -> Array:
        self.m = super().second_moment(g)
        return self.m


@mistake(
    "moments used before they are updated",
    Parts.corrected,
    variants=("", "the second alone", "the first alone"),
    why="The update comes before this step's gradient enters the moments.",
    mend="Update both moments first, then W.",
)
class MomentsUsedLate(Parts):
    def corrected(self) -> tuple[Array, Array]:
        before = getattr(self, "before", (0 * self.m, 0 * self.v))
        self.before = self.m.copy(), self.v.copy()
        way, now = self.way(MomentsUsedLate), super().corrected()
        late = before[0] / (1 - self.beta1**self.t), before[1] / (1 - self.beta2**self.t)
        return now[0] if "second" in way else late[0], now[1] if "first" in way else late[1]


WRONG_DECAYS = {
    "twice": lambda o, W: W * (1 - o.lr * o.weight_decay) ** 2,
    "growing": lambda o, W: W * (1 + o.lr * o.weight_decay),
    "not times the weights": lambda o, W: W - o.lr * o.weight_decay,
    "by the sign of the weights": lambda o, W: W - o.lr * o.weight_decay * np.sign(W),
    "times lr twice": lambda o, W: W * (1 - o.lr**2 * o.weight_decay),
    "by the corrected lr": lambda o, W: (
        W * (1 - o.lr * np.sqrt(1 - o.beta2**o.t) / (1 - o.beta1**o.t) * o.weight_decay)
    ),
    "by lr over its first correction": lambda o, W: (
        W * (1 - o.lr / (1 - o.beta1**o.t) * o.weight_decay)
    ),
    "weights replaced": lambda o, W: W * o.lr * o.weight_decay,
    "as an exponential": lambda o, W: W * np.exp(-o.lr * o.weight_decay),
    "half": lambda o, W: W * (1 - o.lr * o.weight_decay / 2),
}


@mistake(
    "decay done wrong",
    Parts.decay,
    variants=tuple(WRONG_DECAYS),
    why=(
        "The decay's factor is another: twice, of the wrong sign, of another rate, or no factor "
        "at all."
    ),
    mend="W *= 1 - lr * weight_decay, once, before the update.",
)
class DecayDoneWrong(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        W[...] = WRONG_DECAYS[self.way(DecayDoneWrong)](self, W)


@mistake(
    "decay in both places",
    Parts.gradient,
    why="wd * W is added to the gradient, and the weights are decayed besides.",
    mend="Leave the gradient alone: AdamW decays the weights apart from it.",
)
class DecayInBothPlaces(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        return dW + self.weight_decay * W


@mistake(
    "decay inside the update",
    Parts.update,
    variants=("", "and divided"),
    why="wd * W is added to the corrected moment, so the root divides it as well.",
    mend="Decay W apart from the update, which alone is divided by the root.",
)
class DecayInsideTheUpdate(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        pass

    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.lr * (m_hat + self.weight_decay * W) / denominator


@mistake(
    "decay hard-coded",
    Parts.decay,
    amounts=(1e-6, 1.0),
    usual=0.1,
    why="The amount is written into the step, so weight_decay changes nothing.",
    mend="Use the weight_decay that the constructor was given.",
)
class DecayHardCoded(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        W *= 1 - self.lr * self.amount


@mistake(
    "L2 of a fixed amount in the gradient",
    Parts.gradient,
    amounts=(1e-8, 10.0),
    usual=0.01,
    variants=("", "besides the decay"),
    why="A penalty on the weights is left in the gradient.",
    mend="Leave the gradient alone: AdamW decays the weights apart from it.",
)
class FixedL2(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        return dW + self.amount * W

    def decay(self, W: Array, dW: Array) -> None:
        if self.way(FixedL2):
            super().decay(W, dW)


def unused(*names: str) -> Callable[[Any], None]:
    """Sets the settings of these names to torch's defaults."""

    def reset(o: Any) -> None:
        for name in names:
            value = {"beta1": 0.9, "beta2": 0.999}.get(name, DEFAULTS.get(name))
            setattr(o, name, value)

    return reset


UNUSED = {
    "betas": unused("beta1", "beta2"),
    "beta1": unused("beta1"),
    "beta2": unused("beta2"),
    "eps": unused("eps"),
    "lr": unused("lr"),
    "weight_decay": unused("weight_decay"),
}


@mistake(
    "setting not used",
    Parts.step,
    variants=tuple(UNUSED),
    why=(
        "A default is written into the step or the constructor, so what is handed over changes "
        "nothing."
    ),
    mend="Use the setting that the constructor was given.",
)
class SettingNotUsed(Parts):
    def step(self, W: Array, dW: Array) -> None:
        UNUSED[self.way(SettingNotUsed)](self)
        super().step(W, dW)


HARD_CODED = {
    "eps": lambda o, a: {"eps": a},
    "beta1": lambda o, a: {"beta1": a},
    "beta2": lambda o, a: {"beta2": a},
    "lr": lambda o, a: {"lr": a},
}


@mistake(
    "setting hard-coded",
    Parts.step,
    amounts=(1e-12, 0.99999),
    usual=1e-7,
    variants=tuple(HARD_CODED),
    why=(
        "A number of another library is written into the step, so what is handed over changes "
        "nothing."
    ),
    mend="Use the setting that the constructor was given.",
)
class SettingHardCoded(Parts):
    def step(self, W: Array, dW: Array) -> None:
        self.__dict__.update(HARD_CODED[self.way(SettingHardCoded)](self, self.amount))
        super().step(W, dW)


@mistake(
    "eps in another place",
    Parts.denominator,
    variants=("larger of root and eps", "added twice", "times the root of the correction"),
    why="eps guards the division in another way, and entries with small gradients move otherwise.",
    mend="sqrt(v / (1 - beta2**t)) + eps.",
)
class EpsElsewhere(Parts):
    def denominator(self, v_hat: Array) -> Array:
        way, root = self.way(EpsElsewhere), np.sqrt(v_hat)
        if "larger" in way:
            return np.maximum(root, self.eps)
        return root + self.eps * (2 if "twice" in way else math.sqrt(1 - self.beta2**self.t))


@mistake(
    "eps off by a factor",
    Parts.denominator,
    amounts=(1e-4, 1e4),
    usual=100.0,
    why="eps is multiplied by a constant, or given in another unit.",
    mend="Use the eps that the constructor was given.",
)
class EpsOffByAFactor(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.sqrt(v_hat) + self.amount * self.eps


@mistake(
    "root of the first moment",
    Parts.denominator,
    why="The update is divided by |m| instead of by the root of v.",
    mend="Divide by sqrt(v) + eps.",
)
class RootOfTheFirst(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return abs(self.m) / (1 - self.beta1**self.t) + self.eps


@mistake(
    "clipped inside the step",
    Parts.gradient,
    amounts=(1e-4, 100.0),
    usual=1.0,
    variants=("by norm", "by value", "by norm of each row"),
    why="Clipping of the gradient is a part of the step.",
    mend="Clip in the training loop if at all: AdamW takes the gradient as it is.",
)
class ClippedInside(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        if "value" in self.way(ClippedInside):
            return np.clip(dW, -self.amount, self.amount)
        axis = -1 if "row" in self.way(ClippedInside) else (-2, -1)
        norm = np.sqrt((dW * dW).sum(axis=axis, keepdims=True))
        return dW * np.minimum(1, self.amount / np.maximum(norm, 1e-300))


SCHEDULES = {
    "1 / sqrt(t)": lambda t: t**-0.5,
    "1 / t": lambda t: 1 / t,
    "sqrt(t)": lambda t: t**0.5,
}


@mistake(
    "schedule inside the step",
    Parts.update,
    variants=tuple(SCHEDULES),
    why="lr changes with t inside the step.",
    mend="Use lr as it was given; a schedule sets it from outside.",
)
class ScheduleInside(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.lr * SCHEDULES[self.way(ScheduleInside)](self.t) * m_hat / denominator


@mistake(
    "warm-up inside the step",
    Parts.step,
    amounts=(1.5, 3000.0),
    usual=100.0,
    variants=("", "of the update alone"),
    why="lr * min(1, t / steps): a warm-up is a part of the step.",
    mend="Use lr as it was given; a schedule sets it from outside.",
)
class WarmUpInside(Parts):
    def step(self, W: Array, dW: Array) -> None:
        lr, decay = self.lr, self.weight_decay
        share = np.minimum(1.0, (self.t + 1) / self.amount)
        self.lr = lr * share
        if self.way(WarmUpInside):
            self.weight_decay = decay / share
        super().step(W, dW)
        self.lr, self.weight_decay = lr, decay


@mistake(
    "update off by a factor",
    Parts.update,
    amounts=(1e-4, 1e4),
    usual=2.0,
    why="The update is multiplied by a constant: it is made twice, or lr is scaled.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), once.",
)
class UpdateOffByAFactor(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.lr * self.amount * m_hat / denominator


@mistake(
    "lr overwritten in every step",
    Parts.update,
    why=(
        "self.lr is multiplied by the correction and kept, so that it is corrected again in the "
        "next step."
    ),
    mend="Keep the corrected rate in a local variable.",
)
class LrOverwritten(Parts):
    def corrected(self) -> tuple[Array, Array]:
        self.lr = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        return self.m, self.v


@mistake(
    "first step skipped",
    Parts.step,
    why="The first call only makes the state, and its gradient is thrown away.",
    mend="Make the state before the first step, in the constructor.",
)
class FirstStepSkipped(Parts):
    def step(self, W: Array, dW: Array) -> None:
        if hasattr(self, "begun"):
            super().step(W, dW)
        self.begun = True


@mistake(
    "state shared by all optimizers",
    Parts.step,
    variants=("", "moments alone", "t alone"),
    remembers=True,
    why=(
        "Moments or t live in a class attribute, a default argument or a global, and outlive the "
        "optimizer."
    ),
    mend="Make the state in the constructor: self.m = np.zeros_like(W).",
)
class StateShared(Parts):
    def step(self, W: Array, dW: Array) -> None:
        way, s = self.way(StateShared), self.memory
        if not hasattr(self, "begun") and s:
            self.begun = True
            if "t alone" not in way:
                self.m, self.v = s["m"], s["v"]
            if "moments" not in way:
                self.t = s["t"]
        self.begun = True
        super().step(W, dW)
        s.update(m=self.m, v=self.v, t=self.t)
