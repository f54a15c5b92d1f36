"""Wrong AdamWs that people really write, each by name: the step taken apart, and one part done wrong.

``Parts`` is a correct AdamW in the order of ``impl_numpy/adamw.py``, cut into methods and written plainly.
Each mistake overrides one of them, so that two in different parts can be made at once. The wrong gradients
are in ``mistakes.py``.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np

from bigram.doctor.mistakes.gradients import Mistake
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
        """What the moments are taken of."""
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


def build(mistakes: Iterable[Mistake] = ()) -> type[Parts]:
    """The class of an AdamW with these mistakes in it; without any, of a correct one."""
    return type("Mistaken", (*(mistake.code for mistake in mistakes), Parts), {})


def mistake(name: str, part: Callable[..., object], *, why: str, mend: str) -> Callable[[type], type]:
    """Enters the class below it in the catalogue."""

    def enter(code: type) -> type:
        code.__doc__ = why
        OPTIMIZERS.append(Mistake(name, why, mend, part.__name__, code))
        return code

    return enter


# --- decay --------------------------------------------------------------------------------------------


@mistake(
    "L2 in the gradient",
    Parts.gradient,
    why="Adam with weight decay adds wd * W to the gradient; AdamW exists because that is not the same.",
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


# --- moments ------------------------------------------------------------------------------------------


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
    why="amsgrad=True divides by the largest v so far.",
    mend="Divide by the present v; torch's default is amsgrad=False.",
)
class LargestSecondMomentKept(Parts):
    def corrected(self) -> tuple[Array, Array]:
        self.largest = np.maximum(getattr(self, "largest", 0), self.v)
        return self.m / (1 - self.beta1**self.t), self.largest / (1 - self.beta2**self.t)


# --- bias correction ----------------------------------------------------------------------------------


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
    why="t starts from 1 and is raised before it is used.",
    mend="The first step is t = 1.",
)
class TOneAhead(Parts):
    def corrected(self) -> tuple[Array, Array]:
        return self.m / (1 - self.beta1 ** (self.t + 1)), self.v / (1 - self.beta2 ** (self.t + 1))


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
    why="beta**t is worked out in single precision.",
    mend="Work out scalars in double precision and round them once, where they meet the array.",
)
class BiasCorrectionsInFloat32(Parts):
    def corrected(self) -> tuple[Array, Array]:
        beta1, beta2 = np.float32(self.beta1), np.float32(self.beta2)
        return self.m / float(1 - beta1**self.t), self.v / float(1 - beta2**self.t)


# --- denominator --------------------------------------------------------------------------------------


@mistake(
    "eps inside the root",
    Parts.denominator,
    why="sqrt(v + eps), as RMSProp and Adagrad are often written: where v is small, eps rules.",
    mend="sqrt(v) + eps.",
)
class EpsInsideTheRoot(Parts):
    def denominator(self, v_hat: Array) -> Array:
        return np.sqrt(v_hat + self.eps)


@mistake(
    "eps before the bias correction",
    Parts.denominator,
    why="The corrections are folded into lr, as Keras and ONNX do, and eps meets the uncorrected root.",
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


# --- update -------------------------------------------------------------------------------------------


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
    why="Only rows in the batch move, as SparseAdam does, though the others still have momentum.",
    mend="Update every row: a first moment outlives its gradient.",
)
class LazyRows(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        visited = dW.any(axis=1)
        W[visited] -= (self.lr * m_hat / denominator)[visited]


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
    why="The first moment is mixed once more with the present gradient: that is NAdam.",
    mend="Use the first moment as it is.",
)
class LookingAhead(Parts):
    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> None:
        ahead = self.beta1 * m_hat + (1 - self.beta1) * dW / (1 - self.beta1**self.t)
        W -= self.lr * ahead / denominator
