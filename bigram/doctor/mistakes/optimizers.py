"""Wrong AdamWs that people really write, each by name: the step taken apart, and one part done
wrong.

``Parts`` is a correct AdamW in the order of ``impl_numpy/adamw.py``, cut into methods and written
plainly. Each mistake overrides one of them, so that two in different parts can be made at once. The
wrong gradients are in ``gradients.py``.
"""

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
        given = self.settings(lr=lr, eps=eps, weight_decay=weight_decay)
        self.lr, self.eps, self.weight_decay = given.values()
        self.beta1, self.beta2 = betas
        self.t: Any = 0
        self.m = np.zeros_like(W)
        self.v = np.zeros_like(W)

    memory: ClassVar[dict[str, Any]] = {}
    ways: ClassVar[dict[str, str]] = {}
    amount: Any = None

    def way(self, cls: type) -> str:
        """The variant of that mistake."""
        return self.ways[cls.__name__]

    def settings(self, **given: Any) -> dict[str, Any]:
        """The settings as they were given."""
        return given

    def step(self, W: Array, dW: Array) -> None:
        """One update of W, in place."""
        self.t = self.t + 1
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

    def corrections(self) -> tuple[Any, Any]:
        """The share of a constant gradient that each moment holds after t steps."""
        return 1 - self.beta1**self.t, 1 - self.beta2**self.t

    def corrected(self) -> tuple[Array, Array]:
        """Both moments without their start from zero."""
        first, second = self.corrections()
        return self.m / first, self.v / second

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
    whole: bool = False,
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
                whole=whole,
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
    variants=("", "and before it as well"),
    why="The decay stands at the end of the step, so it shrinks the update as well.",
    mend="Decay first, then update.",
)
class DecayAfterTheUpdate(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        if self.way(DecayAfterTheUpdate):
            super().decay(W, dW)

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
        W *= np.where(dW.any(axis=-1, keepdims=True), 1 - self.lr * self.weight_decay, 1)


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
    def first_moment(self, g: Array) -> Array:
        return self.beta1 * self.m + (1 - self.beta1) * g  # at beta1 = 0 just g, as torch's lerp

    def second_moment(self, g: Array) -> Array:
        return self.beta2 * self.v + (1 - self.beta2) * (g - self.m) ** 2


@mistake(
    "second moment moved by a sign",
    Parts.second_moment,
    why="v goes up or down by (1 - beta2) * g * g, whichever way g * g lies: that is Yogi.",
    mend="v = beta2 * v + (1 - beta2) * g * g.",
)
class MovedBySign(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.v - (1 - self.beta2) * np.sign(self.v - g * g) * g * g


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

    def corrections(self) -> tuple[Any, Any]:
        return 1 - self.beta2**self.t, 1 - self.beta1**self.t


@mistake(
    "one beta for both",
    Parts.second_moment,
    why="beta1 is used for the second moment too.",
    mend="The second moment has beta2, and its correction too.",
)
class OneBetaForBoth(Parts):
    def second_moment(self, g: Array) -> Array:
        return self.beta1 * self.v + (1 - self.beta1) * g * g

    def corrections(self) -> tuple[Any, Any]:
        return 1 - self.beta1**self.t, 1 - self.beta1**self.t


Factors = tuple[tuple[float, float], tuple[float, float]]  # (keep, feed) of each moment
MIXED: dict[str, Callable[[float, float], Factors]] = {
    "1 - beta1 feeds the second moment": lambda b1, b2: ((b1, 1 - b1), (b2, 1 - b1)),
    "1 - beta2 feeds the first moment": lambda b1, b2: ((b1, 1 - b2), (b2, 1 - b2)),
    "beta1 keeps the second moment": lambda b1, b2: ((b1, 1 - b1), (b1, 1 - b2)),
    "beta2 keeps the first moment": lambda b1, b2: ((b2, 1 - b1), (b2, 1 - b2)),
    "beta1 for the second moment, beta2 in its correction": lambda b1, b2: (
        (b1, 1 - b1),
        (b1, 1 - b1),
    ),
    "beta2 for the first moment, beta1 in its correction": lambda b1, b2: (
        (b2, 1 - b2),
        (b2, 1 - b2),
    ),
    "swapped, not in the corrections": lambda b1, b2: ((b2, 1 - b2), (b1, 1 - b1)),
    "the second moment summed for ever": lambda b1, b2: ((b1, 1 - b1), (1, 1)),
    "beta2 feeds the second moment": lambda b1, b2: ((b1, 1 - b1), (b2, b2)),
    "beta1 feeds the first moment": lambda b1, b2: ((b1, b1), (b2, 1 - b2)),
}


@mistake(
    "betas mixed up in the moments",
    Parts.first_moment,
    variants=tuple(MIXED),
    why="A moment is kept by one factor and fed by another that does not belong to it.",
    mend="m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g * g.",
)
class BetasMixed(Parts):
    def first_moment(self, g: Array) -> Array:
        keep, feed = MIXED[self.way(BetasMixed)](self.beta1, self.beta2)[0]
        return keep * self.m + feed * g

    def second_moment(self, g: Array) -> Array:
        keep, feed = MIXED[self.way(BetasMixed)](self.beta1, self.beta2)[1]
        return keep * self.v + feed * g * g


@mistake(
    "betas mixed up in the corrections",
    Parts.corrections,
    variants=("", "beta1 in both", "beta2 in both"),
    why="A moment is divided by the correction of the other.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
class CorrectionsMixed(Parts):
    def corrections(self) -> tuple[Any, Any]:
        first, second = super().corrections()
        way = self.way(CorrectionsMixed)
        return (first if "beta1" in way else second), (second if "beta2" in way else first)


@mistake(
    "largest gradient kept",
    Parts.second_moment,
    variants=("", "eps inside the maximum"),
    why="v = max(beta2 * v, |g|), neither corrected nor rooted: that is AdaMax.",
    mend="v = beta2 * v + (1 - beta2) * g * g, corrected, and its root in the denominator.",
)
class LargestGradientKept(Parts):
    def second_moment(self, g: Array) -> Array:
        inside = self.eps if self.way(LargestGradientKept) else 0
        return np.maximum(self.beta2 * self.v, abs(g) + inside)

    def corrected(self) -> tuple[Array, Array]:
        return self.m / self.corrections()[0], self.v

    def denominator(self, v_hat: Array) -> Array:
        return v_hat + (0 if self.way(LargestGradientKept) else self.eps)


SHARED = {
    "by each row": lambda v: v.mean(axis=-1, keepdims=True),
    "by each column": lambda v: v.mean(axis=-2, keepdims=True),
    "by the whole table": lambda v: v.mean(axis=(-2, -1), keepdims=True),
    "summed over each row": lambda v: v.sum(axis=-1, keepdims=True),
    "summed over the whole table": lambda v: v.sum(axis=(-2, -1), keepdims=True),
    "from row and column, as in Adafactor": lambda v: (
        v.mean(axis=-1, keepdims=True)
        * v.mean(axis=-2, keepdims=True)
        / v.mean(axis=(-2, -1), keepdims=True)
    ),
}


@mistake(
    "second moment shared",
    Parts.corrected,
    variants=tuple(SHARED),
    why="One second moment stands for many entries, as in Adam-mini and Adafactor.",
    mend="Every entry has a second moment: v has the shape of W.",
)
class SecondMomentShared(Parts):
    def corrected(self) -> tuple[Array, Array]:
        m_hat, v_hat = super().corrected()
        return m_hat, SHARED[self.way(SecondMomentShared)](v_hat)


@mistake(
    "moments in few digits",
    Parts.first_moment,
    variants=("bfloat16", "float16"),
    why="Both moments are stored in half precision between the steps.",
    mend="Make the moments with np.zeros_like(W).",
)
class MomentsInFewDigits(Parts):
    def stored(self, moment: Array) -> Array:
        """Rounded to half precision, by way of float32 as torch does."""
        if self.way(MomentsInFewDigits) == "float16":
            return moment.astype(np.float16).astype(moment.dtype)
        bits = np.ascontiguousarray(moment, np.float32).view(np.uint32)
        half = bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)  # to the nearest, a tie to even
        return (half & np.uint32(0xFFFF0000)).view(np.float32).astype(moment.dtype)

    def first_moment(self, g: Array) -> Array:
        return self.stored(self.beta1 * self.m + (1 - self.beta1) * g)

    def second_moment(self, g: Array) -> Array:
        return self.stored(super().second_moment(g))


@mistake(
    "largest second moment kept",
    Parts.corrected,
    variants=("", "corrected first", "not corrected", "neither moment corrected"),
    why="amsgrad=True divides by the largest v so far.",
    mend="Divide by the present v; torch's default is amsgrad=False.",
)
class LargestSecondMomentKept(Parts):
    def corrected(self) -> tuple[Array, Array]:
        way, (share, bias) = self.way(LargestSecondMomentKept), self.corrections()
        self.largest = np.maximum(
            getattr(self, "largest", 0), self.v / (bias if way == "corrected first" else 1)
        )
        first = self.m / (1 if "neither" in way else share)
        return first, self.largest / (1 if way else bias)


# --- bias correction ------------------------------------------------------------------------------


@mistake(
    "no bias correction",
    Parts.corrections,
    why="The moments are used as they are.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
class NoBiasCorrection(Parts):
    def corrections(self) -> tuple[Any, Any]:
        return 1.0, 1.0


@mistake(
    "first moment not corrected",
    Parts.corrections,
    why="Only v is divided by its correction.",
    mend="Divide m by 1 - beta1**t as well.",
)
class FirstMomentNotCorrected(Parts):
    def corrections(self) -> tuple[Any, Any]:
        return 1.0, 1 - self.beta2**self.t


@mistake(
    "second moment not corrected",
    Parts.corrections,
    why="Only m is divided by its correction.",
    mend="Divide v by 1 - beta2**t as well.",
)
class SecondMomentNotCorrected(Parts):
    def corrections(self) -> tuple[Any, Any]:
        return 1 - self.beta1**self.t, 1.0


@mistake(
    "t one ahead",
    Parts.corrections,
    variants=("", "twice as fast", "one behind, at least 1"),
    why="t starts from 1 and is raised before it is used.",
    mend="The first step is t = 1.",
)
class TOneAhead(Parts):
    def corrections(self) -> tuple[Any, Any]:
        t = {"": self.t + 1, "twice as fast": 2 * self.t}.get(
            self.way(TOneAhead), max(1, self.t - 1)
        )
        return 1 - self.beta1**t, 1 - self.beta2**t


@mistake(
    "t never raised",
    Parts.corrections,
    why="t stays at 1, so the correction of the first step is made for ever.",
    mend="Raise t in every step.",
)
class TNeverRaised(Parts):
    def corrections(self) -> tuple[Any, Any]:
        return 1 - self.beta1, 1 - self.beta2


@mistake(
    "t starts again",
    Parts.corrections,
    amounts=(2, 200),
    usual=8.0,
    whole=True,
    why="t is the number of the batch in its epoch, and the moments outlive the epoch.",
    mend="Count t from the first step of all.",
)
class TStartsAgain(Parts):
    def corrections(self) -> tuple[Any, Any]:
        t = (self.t - 1) % self.amount + 1
        return 1 - self.beta1**t, 1 - self.beta2**t


@mistake(
    "bias correction stops",
    Parts.corrections,
    amounts=(1, 200),
    usual=6.0,
    whole=True,
    variants=("", "of the first moment alone", "of the second moment alone"),
    why="The corrections are left out after so many steps, as if they were 1 by then.",
    mend="Correct in every step: 1 - beta2**t is near 1 after thousands of steps only.",
)
class CorrectionStops(Parts):
    def corrections(self) -> tuple[Any, Any]:
        (first, second), way = super().corrections(), self.way(CorrectionStops)
        over = self.t > self.amount
        return (
            first if "second" in way else np.where(over, 1.0, first),
            second if "first" in way else np.where(over, 1.0, second),
        )


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
    Parts.corrections,
    precision=True,
    why="beta**t is worked out in single precision.",
    mend="Work out scalars in double precision and round them once, where they meet the array.",
)
class BiasCorrectionsInFloat32(Parts):
    def corrections(self) -> tuple[Any, Any]:
        beta1, beta2 = np.float32(self.beta1), np.float32(self.beta2)
        return float(1 - beta1**self.t), float(1 - beta2**self.t)


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
        eps = self.eps / self.corrections()[1] if "before" in way else self.eps
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
        return np.sqrt(v_hat) + self.eps / np.sqrt(self.corrections()[1])


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


@mistake(
    "another power for the root",
    Parts.denominator,
    amounts=(0.05, 0.95),
    usual=0.25,
    why="v is raised to another power than one half, as in Padam.",
    mend="Divide by sqrt(v) + eps.",
)
class AnotherPower(Parts):
    def denominator(self, v_hat: Array) -> Array:
        power: Array = v_hat**self.amount
        return power + self.eps


@mistake(
    "second moment not used",
    Parts.denominator,
    why="Nothing is divided by the root of the second moment: that is SGD with momentum.",
    mend="Divide by sqrt(v) + eps.",
)
class SecondMomentNotUsed(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.ones_like(v_hat)


@mistake(
    "variance rectified",
    Parts.update,
    variants=("", "from a length of 4 on"),
    why="The first steps are not divided, later ones by a rectified root: that is RAdam.",
    mend="Divide by sqrt(v) + eps from the first step on.",
)
class VarianceRectified(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        end = 2 / (1 - self.beta2) - 1
        power, share = self.beta2**self.t, self.corrections()[1]
        length = end - 2 * self.t * power / share
        if length <= (4 if self.way(VarianceRectified) else 5):
            W -= self.lr * m_hat
            return
        r2 = (length - 4) * (length - 2) * end / ((end - 4) * (end - 2) * length)
        W -= self.lr * m_hat * np.sqrt(r2 * share) / (np.sqrt(self.v) + self.eps)


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
    variants=(
        "",
        "moments and update",
        "moments, update and decay",
        "and entries whose gradient is 0",
    ),
    why="Only rows in the batch move, as SparseAdam does, though the others still have momentum.",
    mend="Update every row: a first moment outlives its gradient.",
)
class LazyRows(Parts):
    def step(self, W: Array, dW: Array) -> None:
        way = self.way(LazyRows)
        present = dW != 0 if "entries" in way else dW.any(axis=-1, keepdims=True)
        kept = W.copy() if "decay" in way else W * (1 - self.lr * self.weight_decay)
        m, v = self.m, self.v
        super().step(W, dW)
        W[...] = np.where(present, W, kept)
        if "moments" in way:
            self.m, self.v = np.where(present, self.m, m), np.where(present, self.v, v)


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
    Parts.corrections,
    variants=("", "the first alone", "the second alone"),
    why="m * (1 - beta1**t): the correction makes the first moments smaller instead of larger.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
)
class MomentsMultiplied(Parts):
    def corrections(self) -> tuple[Any, Any]:
        c1, c2 = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        way = self.way(MomentsMultiplied)
        return c1 if "second" in way else 1 / c1, c2 if "first" in way else 1 / c2


@mistake(
    "beta times t",
    Parts.corrections,
    why="beta * t or beta ^ t stands for beta**t.",
    mend="The corrections are 1 - beta1**t and 1 - beta2**t, powers of the betas.",
)
class BetaTimesT(Parts):
    def corrections(self) -> tuple[Any, Any]:
        return 1 - self.beta1 * self.t, 1 - self.beta2 * self.t


@mistake(
    "root of the correction left out",
    Parts.corrections,
    variants=("", "one taken of the first correction"),
    why=(
        "The corrections are folded into lr, and that of v comes after the root: it needs a root "
        "as well."
    ),
    mend="lr * sqrt(1 - beta2**t) / (1 - beta1**t).",
)
class RootOfTheCorrection(Parts):
    def corrections(self) -> tuple[Any, Any]:
        c1, c2 = super().corrections()
        return (c1, c2**2) if not self.way(RootOfTheCorrection) else (c1**0.5, c2)


@mistake(
    "t counted for each row",
    Parts.corrections,
    why="A row's t is raised only in steps that visit it, as in some sparse optimizers.",
    mend="One t for all: every row's moments fade in every step.",
)
class TOfEachRow(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        self.rows = getattr(self, "rows", 0) + dW.any(axis=-1, keepdims=True)
        return dW

    def corrections(self) -> tuple[Any, Any]:
        t = np.maximum(self.rows, 1)
        return 1 - self.beta1**t, 1 - self.beta2**t


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
    variants=(
        "",
        "the second alone",
        "the first alone",
        "with the t of that step",
        "the second alone, with the t of that step",
    ),
    why="The update comes before this step's gradient enters the moments.",
    mend="Update both moments first, then W.",
)
class MomentsUsedLate(Parts):
    def corrected(self) -> tuple[Array, Array]:
        way, now = self.way(MomentsUsedLate), super().corrected()
        m, v = getattr(self, "before", (0 * self.m, 0 * self.v))
        self.before = self.m.copy(), self.v.copy()
        if "that step" in way and self.t == 1:  # there is none before it
            return now
        self.t -= "that step" in way
        first, second = self.corrections()
        self.t += "that step" in way
        return now[0] if "second" in way else m / first, now[1] if "first" in way else v / second


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
    "to the power t": lambda o, W: W * (1 - o.lr * o.weight_decay) ** o.t,
    "towards the first weights": lambda o, W: W - o.lr * o.weight_decay * (W - o.W0),
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
        self.W0 = getattr(self, "W0", W.copy())
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
    "beta2, and 0.9 for beta1": lambda o, a: {"beta1": 0.9, "beta2": a},
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
    "lr of the update hard-coded",
    Parts.update,
    amounts=(1e-6, 1.0),
    usual=0.0025,
    why="The decay has the lr that was handed over, the update another that is written down.",
    mend="Use the lr that the constructor was given.",
)
class UpdateLrHardCoded(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.amount * m_hat / denominator


@mistake(
    "settings exchanged",
    Parts.settings,
    variants=("eps and weight_decay", "lr and weight_decay", "lr and eps"),
    why="Two settings are handed on in the wrong order.",
    mend="Hand settings on by name: eps=eps, weight_decay=weight_decay.",
)
class SettingsExchanged(Parts):
    def settings(self, **given: Any) -> dict[str, Any]:
        a, b = self.way(SettingsExchanged).split(" and ")
        return {**given, a: given[b], b: given[a]}


@mistake(
    "eps in another place",
    Parts.denominator,
    variants=(
        "larger of root and eps",
        "added twice",
        "times the root of the correction",
        "its square root added",
    ),
    why="eps guards the division in another way, and entries with small gradients move otherwise.",
    mend="sqrt(v / (1 - beta2**t)) + eps.",
)
class EpsElsewhere(Parts):
    def denominator(self, v_hat: Array) -> Array:
        way, root = self.way(EpsElsewhere), np.sqrt(v_hat)
        if "larger" in way:
            return np.maximum(root, self.eps)
        if "square" in way:
            return root + np.sqrt(self.eps)
        return root + self.eps * (2 if "twice" in way else np.sqrt(self.corrections()[1]))


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
    variants=("by norm", "by value", "by norm of each row", "by norm + 1e-6"),
    why="Clipping of the gradient is a part of the step.",
    mend="Clip in the training loop if at all: AdamW takes the gradient as it is.",
)
class ClippedInside(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        if "value" in self.way(ClippedInside):
            return np.clip(dW, -self.amount, self.amount)
        axis = -1 if "row" in self.way(ClippedInside) else (-2, -1)
        norm = np.sqrt((dW * dW).sum(axis=axis, keepdims=True))
        more = 1e-6 if "1e-6" in self.way(ClippedInside) else 1e-300  # torch's
        return dW * np.minimum(1, self.amount / (norm + more))


RESCALED: dict[str, Callable[[Array], Array]] = {
    "divided by its norm": lambda g: over(g, np.sqrt((g * g).sum(axis=(-2, -1), keepdims=True))),
    "each row divided by its norm": lambda g: over(g, np.sqrt((g * g).sum(axis=-1, keepdims=True))),
    "divided by its largest entry": lambda g: over(g, abs(g).max(axis=(-2, -1), keepdims=True)),
    "divided by its standard deviation": lambda g: over(g, g.std(axis=(-2, -1), keepdims=True)),
    "each row to mean 0": lambda g: g - g.mean(axis=-1, keepdims=True),
    "its sign": np.sign,
}


def over(g: Array, size: Array) -> Array:
    """``g / size``, and ``g`` where that is 0."""
    return g / np.where(size > 0, size, 1)


@mistake(
    "gradient rescaled inside the step",
    Parts.gradient,
    variants=tuple(RESCALED),
    why="The gradient is normalised, centred or reduced to its sign before the moments see it.",
    mend="AdamW takes the gradient as it is.",
)
class Rescaled(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        return RESCALED[self.way(Rescaled)](dW)


@mistake(
    "gradients pile up",
    Parts.gradient,
    why="Each gradient is added to those before, as when zero_grad is forgotten.",
    mend="Set the gradient to zero, or to None, before each backward pass.",
)
class GradientsPileUp(Parts):
    def gradient(self, W: Array, dW: Array) -> Array:
        self.pile = getattr(self, "pile", 0) + dW
        return self.pile


@mistake(
    "W moved in every n-th step only",
    Parts.step,
    amounts=(2, 64),
    usual=2.0,
    whole=True,
    variants=("by the mean gradient", "by their sum", "by the last one"),
    why="Gradients are gathered over n steps, or n - 1 of them are left out.",
    mend="Make one update in every step; gather gradients in the training loop.",
)
class EveryNthStep(Parts):
    def step(self, W: Array, dW: Array) -> None:
        way = self.way(EveryNthStep)
        self.calls = getattr(self, "calls", 0) + 1
        self.sum = getattr(self, "sum", 0) + dW
        due = self.calls % self.amount == 0
        t, m, v, kept = self.t, self.m, self.v, W.copy()
        super().step(W, dW if "last" in way else self.sum / (1 if "sum" in way else self.amount))
        self.t, self.sum = np.where(due, self.t, t), np.where(due, 0, self.sum)
        self.m, self.v = np.where(due, self.m, m), np.where(due, self.v, v)
        W[...] = np.where(due, W, kept)


@mistake(
    "slow weights mixed in",
    Parts.step,
    amounts=(2, 64),
    usual=5.0,
    whole=True,
    variants=("by half", "by 0.8"),
    why="Every n-th step goes back towards weights that are kept apart: that is Lookahead.",
    mend="Leave W where the update put it.",
)
class SlowWeights(Parts):
    def step(self, W: Array, dW: Array) -> None:
        self.slow = getattr(self, "slow", W.copy())
        super().step(W, dW)
        back = self.t % self.amount == 0
        share = 0.5 if "half" in self.way(SlowWeights) else 0.8
        self.slow = np.where(back, self.slow + share * (W - self.slow), self.slow)
        W[...] = np.where(back, self.slow, W)


@mistake(
    "update masked by the gradient's sign",
    Parts.update,
    variants=("", "and enlarged for it"),
    why="Entries that would move against their gradient stay: that is the cautious AdamW.",
    mend="Every entry moves along its first moment.",
)
class Masked(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        mask = (m_hat * dW > 0).astype(W.dtype)
        if self.way(Masked):
            mask /= np.maximum(mask.mean(axis=(-2, -1), keepdims=True), 1e-3)
        W -= self.lr * mask * m_hat / denominator


@mistake(
    "sign of the first moment as the update",
    Parts.update,
    variants=("", "of a mixed one, as in Lion"),
    why="Each entry moves by lr, whatever its gradient's size.",
    mend="Divide the first moment by sqrt(v) + eps, and take no sign.",
)
class SignAsUpdate(Parts):
    def first_moment(self, g: Array) -> Array:
        if not self.way(SignAsUpdate):
            return super().first_moment(g)
        self.mixed = self.beta1 * self.m + (1 - self.beta1) * g
        return self.beta2 * self.m + (1 - self.beta2) * g

    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        W -= self.lr * np.sign(self.mixed if self.way(SignAsUpdate) else m_hat)


@mistake(
    "update scaled to the size of W",
    Parts.update,
    variants=("as in LAMB", "row by row", "apart from the decay"),
    why="The update is multiplied by |W| over its norm, a trust ratio.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), the same for every table.",
)
class TrustRatio(Parts):
    def decay(self, W: Array, dW: Array) -> None:
        if "apart" in self.way(TrustRatio):
            super().decay(W, dW)

    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        way, u = self.way(TrustRatio), m_hat / denominator
        if "apart" not in way:
            u = u + self.weight_decay * W
        axis = -1 if "row" in way else (-2, -1)
        size, norm = (np.sqrt((x * x).sum(axis=axis, keepdims=True)) for x in (W, u))
        W -= self.lr * u * np.where((size > 0) & (norm > 0), over(size, norm), 1)


@mistake(
    "update clipped",
    Parts.update,
    amounts=(1e-3, 100.0),
    usual=0.6,
    variants=("by root mean square", "by norm", "by value"),
    why="An update that is too large is scaled down, as in Adafactor.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), of any size.",
)
class UpdateClipped(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        way, u = self.way(UpdateClipped), m_hat / denominator
        if "value" in way:
            u = np.clip(u, -self.amount, self.amount)
        else:
            square = (u * u).sum(axis=(-2, -1), keepdims=True)
            size = np.sqrt(square if "norm" in way else square / (u.shape[-2] * u.shape[-1]))
            u = u / np.maximum(1, size / self.amount)
        W -= self.lr * u


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
