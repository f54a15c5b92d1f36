"""Wrong AdamWs that people really write, each by name: the step taken apart, and one part done
wrong.

``Parts`` is a correct AdamW in the order of ``impl_numpy/adamw.py``, cut into methods and written
plainly. Each mistake takes the place of one of them, or of a few, so that two in different parts
can be made at once. The wrong gradients are in ``gradients.py``.

In the mistakes ``o`` is the optimizer, ``n`` the number they are given and ``way`` the variant.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from bigram.doctor.mistakes.stages import Mistake, given
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
        settings = self.settings({"lr": lr, "eps": eps, "weight_decay": weight_decay})
        self.lr, self.eps, self.weight_decay = settings.values()
        self.beta1, self.beta2 = betas
        self.t: Any = 0
        self.m = np.zeros_like(W)
        self.v = np.zeros_like(W)

    def settings(self, handed: dict[str, float]) -> dict[str, float]:
        """The settings as they were handed over."""
        return handed

    def step(self, W: Array, dW: Array) -> None:
        """One update of W, in place."""
        self.t = self.t + 1
        g = self.gradient(W, dW)
        W[...] = self.decay(W, dW)
        self.m = self.first_moment(g)
        self.v = self.second_moment(g)
        m_hat, v_hat = self.corrected()
        W -= self.update(W, dW, m_hat, self.denominator(v_hat))

    def gradient(self, W: Array, dW: Array) -> Array:
        """The gradient that the moments are taken of."""
        return dW

    def decay(self, W: Array, dW: Array) -> Array:
        """W, every row decayed, apart from the gradient."""
        return W * (1 - self.lr * self.weight_decay)

    def first_moment(self, g: Array) -> Array:
        """The running mean of the gradient."""
        return self.m + (1 - self.beta1) * (g - self.m)

    def second_moment(self, g: Array) -> Array:
        """The running mean of its square."""
        return self.beta2 * self.v + (1 - self.beta2) * g * g

    def corrections(self, t: Any) -> tuple[Any, Any]:
        """The share of a constant gradient that each moment holds after t steps."""
        return 1 - self.beta1**t, 1 - self.beta2**t

    def corrected(self) -> tuple[Array, Array]:
        """Both moments without their start from zero."""
        first, second = self.corrections(self.t)
        return self.m / first, self.v / second

    def denominator(self, v_hat: Array) -> Array:
        """The root of the second moment; eps comes after it."""
        return np.sqrt(v_hat) + self.eps

    def update(self, W: Array, dW: Array, m_hat: Array, denominator: Array) -> Array:
        """To be subtracted. Every row moves, visited or not, as long as its first moment lasts."""
        return self.lr * m_hat / denominator


OPTIMIZERS: list[Mistake] = []
DEFAULT = Parts(np.empty(0))  # its settings are torch's defaults
TABLE, ROW = (-2, -1), -1  # axes


def build(mistakes: Iterable[Mistake] = ()) -> type[Parts]:
    """The class of an AdamW with these mistakes in it; without any, of a correct one."""
    parts = {
        part: given(code, mistake.chosen)
        for mistake in mistakes
        for part, code in mistake.code.items()
    }
    return type("Mistaken", (Parts,), parts)


def enter(
    name: str,
    *,
    why: str,
    mend: str,
    amounts: tuple[float, float] | None = None,
    usual: float | None = None,
    variants: tuple[str, ...] = (),
    remembers: bool = False,
    precision: bool = False,
    whole: bool = False,
    **parts: Any,
) -> None:
    """Enters in the catalogue the mistake that does these ``parts`` of ``Parts`` wrong: each a
    function, or a dict of one for each variant. ``amounts`` and ``usual`` as in ``stages.py``."""
    assert parts.keys() <= vars(Parts).keys()
    tables = [part for part in parts.values() if isinstance(part, dict)]
    variants = variants or tuple(*tables[:1])
    OPTIMIZERS.append(
        Mistake(
            name,
            why,
            mend,
            parts,
            name,
            "W",
            amounts=amounts,
            variants=variants,
            chosen=(*((usual,) if amounts else ()), *variants[:1]),
            remembers=remembers,
            precision=precision,
            whole=whole,
        )
    )


def mistake(name: str, part: Callable[..., Any], **entry: Any) -> Callable[[Any], Any]:
    """Enters the function below it as that part, with all else that ``enter`` takes."""

    def enter_function(code: Callable[..., Any]) -> Callable[..., Any]:
        code.__doc__ = entry["why"]
        enter(name, **(entry | {part.__name__: code}))
        return code

    return enter_function


def over(g: Array, size: Array) -> Array:
    """``g / size``, and ``g`` where that is 0."""
    return g / np.where(size > 0, size, 1)


def norm(x: Array, axis: int | tuple[int, int] = TABLE) -> Array:
    """The Euclidean norm, of a whole table or of each row."""
    return np.sqrt((x * x).sum(axis=axis, keepdims=True))


# --- decay ----------------------------------------------------------------------------------------

enter(
    "L2 in the gradient",
    why=(
        "Adam with weight decay adds wd * W to the gradient; AdamW exists because that is not the "
        "same."
    ),
    mend="Multiply W by 1 - lr * weight_decay and leave the gradient alone.",
    gradient=lambda o, W, dW: dW + o.weight_decay * W,
    decay=lambda o, W, dW: W,
)

enter(
    "no decay",
    why="Plain Adam.",
    mend="Multiply W by 1 - lr * weight_decay before the update.",
    decay=lambda o, W, dW: W,
)

enter(
    "decay not times lr",
    why="The paper's schedule multiplier is taken for the learning rate, or left out.",
    mend="The factor is 1 - lr * weight_decay.",
    decay=lambda o, W, dW: W * (1 - o.weight_decay),
)


@mistake(
    "decay after the update",
    Parts.step,
    why="The decay stands at the end of the step, so it shrinks the update as well.",
    mend="Decay first, then update.",
    decay={"": lambda o, W, dW: W, "and before it as well": Parts.decay},
)
def decay_after_the_update(o: Any, W: Array, dW: Array, way: str) -> None:
    Parts.step(o, W, dW)
    W *= 1 - o.lr * o.weight_decay


enter(
    "decay of visited rows only",
    why="Only the rows in the batch are touched, to save work.",
    mend="Decay every row: torch does, and an unseen row ends at (1 - lr * wd)**t of its start.",
    decay=lambda o, W, dW: (
        W * np.where(dW.any(axis=ROW, keepdims=True), 1 - o.lr * o.weight_decay, 1)
    ),
)

# --- moments --------------------------------------------------------------------------------------

enter(
    "square not damped",
    why="v = beta2 * v + g * g: the factor 1 - beta2 is missing, as in Adagrad's sum.",
    mend="v = beta2 * v + (1 - beta2) * g * g.",
    second_moment=lambda o, g: o.beta2 * o.v + g * g,
)

enter(
    "gradient not damped",
    why="m = beta1 * m + g is SGD's momentum: ten times too large at beta1 = 0.9.",
    mend="m = beta1 * m + (1 - beta1) * g.",
    first_moment=lambda o, g: o.beta1 * o.m + g,
)

enter(
    "first moment never kept",
    why="m is made anew in every step.",
    mend="Keep m from step to step.",
    first_moment=lambda o, g: (1 - o.beta1) * g,
)

enter(
    "second moment never kept",
    why="v is made anew in every step.",
    mend="Keep v from step to step.",
    second_moment=lambda o, g: (1 - o.beta2) * g * g,
)

enter(
    "gradient not squared",
    why="The mean of |g| is kept instead of the mean of g * g.",
    mend="Square the gradient before it enters the running mean.",
    second_moment=lambda o, g: o.beta2 * o.v + (1 - o.beta2) * abs(g),
)

enter(
    "square of the mean",
    why="v is fed with m * m: the square of the mean, not the mean of the square.",
    mend="Feed v with the gradient's own square.",
    second_moment=lambda o, g: o.beta2 * o.v + (1 - o.beta2) * o.m * o.m,
)

enter(
    "second moment around the mean",
    why="v is fed with (g - m)**2, the variance: that is AdaBelief.",
    mend="v is the raw second moment, of g * g.",
    first_moment=lambda o, g: o.beta1 * o.m + (1 - o.beta1) * g,  # g at beta1 = 0, as torch's lerp
    second_moment=lambda o, g: o.beta2 * o.v + (1 - o.beta2) * (g - o.m) ** 2,
)

enter(
    "second moment moved by a sign",
    why="v goes up or down by (1 - beta2) * g * g, whichever way g * g lies: that is Yogi.",
    mend="v = beta2 * v + (1 - beta2) * g * g.",
    second_moment=lambda o, g: o.v - (1 - o.beta2) * np.sign(o.v - g * g) * g * g,
)

enter(
    "betas swapped",
    why="The pair is unpacked in the wrong order.",
    mend="beta1 = 0.9 belongs to the gradient, beta2 = 0.999 to its square.",
    gradient=Parts.gradient,  # right, and not tried together with another mistake
    first_moment=lambda o, g: o.beta2 * o.m + (1 - o.beta2) * g,
    second_moment=lambda o, g: o.beta1 * o.v + (1 - o.beta1) * g * g,
    corrections=lambda o, t: (1 - o.beta2**t, 1 - o.beta1**t),
)

enter(
    "one beta for both",
    why="beta1 is used for the second moment too.",
    mend="The second moment has beta2, and its correction too.",
    second_moment=lambda o, g: o.beta1 * o.v + (1 - o.beta1) * g * g,
    corrections=lambda o, t: (1 - o.beta1**t, 1 - o.beta1**t),
)

# How m is kept and fed, and how v is.
MIXED: dict[str, Callable[[float, float], tuple[float, float, float, float]]] = {
    "1 - beta1 feeds the second moment": lambda b1, b2: (b1, 1 - b1, b2, 1 - b1),
    "1 - beta2 feeds the first moment": lambda b1, b2: (b1, 1 - b2, b2, 1 - b2),
    "beta1 keeps the second moment": lambda b1, b2: (b1, 1 - b1, b1, 1 - b2),
    "beta2 keeps the first moment": lambda b1, b2: (b2, 1 - b1, b2, 1 - b2),
    "beta1 for the second moment, beta2 in its correction": lambda b1, b2: (b1, 1 - b1, b1, 1 - b1),
    "beta2 for the first moment, beta1 in its correction": lambda b1, b2: (b2, 1 - b2, b2, 1 - b2),
    "swapped, not in the corrections": lambda b1, b2: (b2, 1 - b2, b1, 1 - b1),
    "the second moment summed for ever": lambda b1, b2: (b1, 1 - b1, 1, 1),
    "beta2 feeds the second moment": lambda b1, b2: (b1, 1 - b1, b2, b2),
    "beta1 feeds the first moment": lambda b1, b2: (b1, b1, b2, 1 - b2),
}


def mixed_first(o: Any, g: Array, way: str) -> Array:
    """m, in such a way."""
    keep, feed, _, _ = MIXED[way](o.beta1, o.beta2)
    return keep * o.m + feed * g


@mistake(
    "betas mixed up in the moments",
    Parts.second_moment,
    variants=tuple(MIXED),
    why="A moment is kept by one factor and fed by another that does not belong to it.",
    mend="m = beta1 * m + (1 - beta1) * g and v = beta2 * v + (1 - beta2) * g * g.",
    first_moment=mixed_first,
)
def mixed_second(o: Any, g: Array, way: str) -> Array:
    _, _, keep, feed = MIXED[way](o.beta1, o.beta2)
    return keep * o.v + feed * g * g


enter(
    "betas mixed up in the corrections",
    why="A moment is divided by the correction of the other.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
    corrections={
        "": lambda o, t: (1 - o.beta2**t, 1 - o.beta1**t),
        "beta1 in both": lambda o, t: (1 - o.beta1**t, 1 - o.beta1**t),
        "beta2 in both": lambda o, t: (1 - o.beta2**t, 1 - o.beta2**t),
    },
)

enter(
    "largest gradient kept",
    why="v = max(beta2 * v, |g|), neither corrected nor rooted: that is AdaMax.",
    mend="v = beta2 * v + (1 - beta2) * g * g, corrected, and its root in the denominator.",
    second_moment={
        "": lambda o, g: np.maximum(o.beta2 * o.v, abs(g)),
        "eps inside the maximum": lambda o, g: np.maximum(o.beta2 * o.v, abs(g) + o.eps),
    },
    corrected=lambda o, way: (o.m / o.corrections(o.t)[0], o.v),
    denominator=lambda o, v, way: v if way else v + o.eps,
)

SHARED: dict[str, Callable[[Array], Array]] = {
    "by each row": lambda v: v.mean(axis=ROW, keepdims=True),
    "by each column": lambda v: v.mean(axis=-2, keepdims=True),
    "by the whole table": lambda v: v.mean(axis=TABLE, keepdims=True),
    "summed over each row": lambda v: v.sum(axis=ROW, keepdims=True),
    "summed over the whole table": lambda v: v.sum(axis=TABLE, keepdims=True),
    "from row and column, as in Adafactor": lambda v: (
        v.mean(axis=ROW, keepdims=True)
        * v.mean(axis=-2, keepdims=True)
        / v.mean(axis=TABLE, keepdims=True)
    ),
}


@mistake(
    "second moment shared",
    Parts.corrected,
    variants=tuple(SHARED),
    why="One second moment stands for many entries, as in Adam-mini and Adafactor.",
    mend="Every entry has a second moment: v has the shape of W.",
)
def second_moment_shared(o: Any, way: str) -> tuple[Array, Array]:
    m_hat, v_hat = Parts.corrected(o)
    return m_hat, SHARED[way](v_hat)


def stored(moment: Array, dtype: str) -> Array:
    """Rounded to half precision, by way of float32 as torch does."""
    if dtype == "float16":
        return moment.astype(np.float16).astype(moment.dtype)
    bits = np.ascontiguousarray(moment, np.float32).view(np.uint32)
    half = bits + np.uint32(0x7FFF) + ((bits >> 16) & 1)  # to the nearest, a tie to even
    return (half & np.uint32(0xFFFF0000)).view(np.float32).astype(moment.dtype)


enter(
    "moments in few digits",
    variants=("bfloat16", "float16"),
    why="Both moments are stored in half precision between the steps.",
    mend="Make the moments with np.zeros_like(W).",
    first_moment=lambda o, g, way: stored(o.beta1 * o.m + (1 - o.beta1) * g, way),
    second_moment=lambda o, g, way: stored(Parts.second_moment(o, g), way),
)


@mistake(
    "largest second moment kept",
    Parts.corrected,
    variants=("", "corrected first", "not corrected", "neither moment corrected"),
    why="amsgrad=True divides by the largest v so far.",
    mend="Divide by the present v; torch's default is amsgrad=False.",
)
def largest_second_moment_kept(o: Any, way: str) -> tuple[Array, Array]:
    first, second = o.corrections(o.t)
    v = o.v / second if way == "corrected first" else o.v
    o.largest = np.maximum(getattr(o, "largest", 0), v)
    return o.m / (1 if "neither" in way else first), o.largest / (1 if way else second)


# --- bias correction ------------------------------------------------------------------------------

enter(
    "no bias correction",
    why="The moments are used as they are.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
    corrections=lambda o, t: (1.0, 1.0),
)

enter(
    "first moment not corrected",
    why="Only v is divided by its correction.",
    mend="Divide m by 1 - beta1**t as well.",
    corrections=lambda o, t: (1.0, 1 - o.beta2**t),
)

enter(
    "second moment not corrected",
    why="Only m is divided by its correction.",
    mend="Divide v by 1 - beta2**t as well.",
    corrections=lambda o, t: (1 - o.beta1**t, 1.0),
)

enter(
    "t one ahead",
    why="t starts from 1 and is raised before it is used.",
    mend="The first step is t = 1.",
    corrections={
        "": lambda o, t: Parts.corrections(o, t + 1),
        "twice as fast": lambda o, t: Parts.corrections(o, 2 * t),
        "raised for each moment": lambda o, t: (1 - o.beta1 ** (2 * t - 1), 1 - o.beta2 ** (2 * t)),
        "one behind, at least 1": lambda o, t: Parts.corrections(o, max(1, t - 1)),
    },
)

enter(
    "t never raised",
    why="t stays at 1, so the correction of the first step is made for ever.",
    mend="Raise t in every step.",
    corrections=lambda o, t: Parts.corrections(o, 1),
)

enter(
    "t starts again",
    amounts=(2, 200),
    usual=8.0,
    whole=True,
    why="t is the number of the batch in its epoch, and the moments outlive the epoch.",
    mend="Count t from the first step of all.",
    corrections=lambda o, t, n: Parts.corrections(o, (t - 1) % n + 1),
)


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
def bias_correction_stops(o: Any, t: Any, n: Any, way: str) -> tuple[Any, Any]:
    now = Parts.corrections(o, t)
    first, second = (np.where(t > n, 1.0, correction) for correction in now)
    return now[0] if "second" in way else first, now[1] if "first" in way else second


@mistake(
    "corrected moments stored",
    Parts.corrected,
    why="m and v are divided in place, so every later step corrects them again.",
    mend="Correct a copy; m and v themselves stay as they are.",
)
def corrected_moments_stored(o: Any) -> tuple[Array, Array]:
    o.m, o.v = Parts.corrected(o)
    return o.m, o.v


@mistake(
    "bias corrections in float32",
    Parts.corrections,
    precision=True,
    why="beta**t is worked out in single precision.",
    mend="Work out scalars in double precision and round them once, where they meet the array.",
)
def bias_corrections_in_float32(o: Any, t: Any) -> tuple[float, float]:
    beta1, beta2 = np.float32(o.beta1), np.float32(o.beta2)
    return float(1 - beta1**t), float(1 - beta2**t)


# --- denominator ----------------------------------------------------------------------------------

enter(
    "eps inside the root",
    why="sqrt(v + eps), as RMSProp and Adagrad are often written: where v is small, eps rules.",
    mend="sqrt(v) + eps.",
    denominator={
        "": lambda o, v: np.sqrt(v + o.eps),
        "before the bias correction": lambda o, v: np.sqrt(v + o.eps / o.corrections(o.t)[1]),
        "squared": lambda o, v: np.sqrt(v + o.eps**2),
        "and outside as well": lambda o, v: np.sqrt(v + o.eps) + o.eps,
    },
)

enter(
    "eps before the bias correction",
    why=(
        "The corrections are folded into lr, as Keras and ONNX do, and eps meets the uncorrected "
        "root."
    ),
    mend="Add eps to sqrt(v / (1 - beta2**t)).",
    denominator=lambda o, v: np.sqrt(v) + o.eps / np.sqrt(o.corrections(o.t)[1]),
)

enter(
    "eps ten times larger",
    why="1e-7 is Keras's default; torch's is 1e-8.",
    mend="Set eps to the other's value.",
    denominator=lambda o, v: np.sqrt(v) + 10 * o.eps,
)

enter(
    "eps left out",
    why="It looks like a guard against division by zero, and zero never came up.",
    mend="Add eps: it also damps entries whose gradients are as small as itself.",
    denominator=lambda o, v: np.where(v > 0, np.sqrt(v), 1),
)

enter(
    "root left out",
    why="The update is divided by v instead of by its root.",
    mend="Divide by sqrt(v) + eps.",
    denominator=lambda o, v: v + o.eps,
)

enter(
    "another power for the root",
    amounts=(0.05, 0.95),
    usual=0.25,
    why="v is raised to another power than one half, as in Padam.",
    mend="Divide by sqrt(v) + eps.",
    denominator=lambda o, v, n: v**n + o.eps,
)

enter(
    "second moment not used",
    why="Nothing is divided by the root of the second moment: that is SGD with momentum.",
    mend="Divide by sqrt(v) + eps.",
    denominator=lambda o, v: np.ones_like(v),
)


@mistake(
    "variance rectified",
    Parts.update,
    variants=("", "from a length of 4 on"),
    why="The first steps are not divided, later ones by a rectified root: that is RAdam.",
    mend="Divide by sqrt(v) + eps from the first step on.",
)
def variance_rectified(
    o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array, way: str
) -> Array:
    end = 2 / (1 - o.beta2) - 1
    power, share = o.beta2**o.t, o.corrections(o.t)[1]
    length = end - 2 * o.t * power / share
    if length <= (4 if way else 5):
        return o.lr * m_hat
    r2 = (length - 4) * (length - 2) * end / ((end - 4) * (end - 2) * length)
    return o.lr * m_hat * np.sqrt(r2 * share) / (np.sqrt(o.v) + o.eps)


# --- update ---------------------------------------------------------------------------------------

enter(
    "uphill",
    why="The sign of the update is lost.",
    mend="Subtract the update.",
    update=lambda o, W, dW, m_hat, denominator: -o.lr * m_hat / denominator,
)


def present(dW: Array, way: str) -> Any:
    """Where an optimizer that skips rows, or entries, does not."""
    return dW != 0 if "entries" in way else dW.any(axis=ROW, keepdims=True)


@mistake(
    "lazy rows",
    Parts.step,
    variants=(
        "",
        "moments and update",
        "moments, update and decay",
        "and entries whose gradient is 0",
    ),
    why="Only rows in the batch move, as SparseAdam does, though the others still have momentum.",
    mend="Update every row: a first moment outlives its gradient.",
    update=lambda o, W, dW, m_hat, denominator, way: np.where(
        present(dW, way), o.lr * m_hat / denominator, 0
    ),
)
def lazy_rows(o: Any, W: Array, dW: Array, way: str) -> None:
    visited, before, m, v = present(dW, way), W.copy(), o.m, o.v
    Parts.step(o, W, dW)
    if "decay" in way:
        W[...] = np.where(visited, W, before)
    if "moments" in way:
        o.m, o.v = np.where(visited, o.m, m), np.where(visited, o.v, v)


enter(
    "gradient instead of its mean",
    why="The raw gradient is scaled by the second moment: that is RMSProp.",
    mend="Move along the corrected first moment.",
    update=lambda o, W, dW, m_hat, denominator: o.lr * dW / denominator,
)


@mistake(
    "looking ahead",
    Parts.update,
    variants=("", "corrected for the next step", "with torch's momentum schedule", "of m as it is"),
    why="The first moment is mixed once more with the present gradient: that is NAdam.",
    mend="Use the first moment as it is.",
)
def looking_ahead(o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array, way: str) -> Array:
    beta1, t = o.beta1, o.t
    if "schedule" in way:
        now, after = (beta1 * (1 - 0.5 * 0.96 ** (k * 0.004)) for k in (t, t + 1))
        # torch keeps it so
        o.product = getattr(o, "product", np.float32(1)) * np.float32(now)
        product = float(o.product)
        ahead = (1 - now) * dW / (1 - product) + after * o.m / (1 - product * after)
    else:
        first = o.m / (1 - beta1 ** (t + 1)) if "next" in way else o.m if way else m_hat
        ahead = beta1 * first + (1 - beta1) * dW / (1 if "as it is" in way else 1 - beta1**t)
    return o.lr * ahead / denominator


# --- other mistakes -------------------------------------------------------------------------------

enter(
    "moments multiplied by the correction",
    why="m * (1 - beta1**t): the correction makes the first moments smaller instead of larger.",
    mend="Divide m by 1 - beta1**t and v by 1 - beta2**t.",
    corrections={
        "": lambda o, t: (1 / (1 - o.beta1**t), 1 / (1 - o.beta2**t)),
        "the first alone": lambda o, t: (1 / (1 - o.beta1**t), 1 - o.beta2**t),
        "the second alone": lambda o, t: (1 - o.beta1**t, 1 / (1 - o.beta2**t)),
    },
)

enter(
    "beta times t",
    why="beta * t or beta ^ t stands for beta**t.",
    mend="The corrections are 1 - beta1**t and 1 - beta2**t, powers of the betas.",
    corrections=lambda o, t: (1 - o.beta1 * t, 1 - o.beta2 * t),
)

enter(
    "root of the correction left out",
    why=(
        "The corrections are folded into lr, and that of v comes after the root: it needs a root "
        "as well."
    ),
    mend="lr * sqrt(1 - beta2**t) / (1 - beta1**t).",
    corrections={
        "": lambda o, t: (1 - o.beta1**t, (1 - o.beta2**t) ** 2),
        "one taken of the first correction": lambda o, t: (
            (1 - o.beta1**t) ** 0.5,
            1 - o.beta2**t,
        ),
    },
)


@mistake(
    "t counted for each row",
    Parts.gradient,
    why="A row's t is raised only in steps that visit it, as in some sparse optimizers.",
    mend="One t for all: every row's moments fade in every step.",
    corrections=lambda o, t: Parts.corrections(o, np.maximum(o.rows, 1)),
)
def t_counted_for_each_row(o: Any, W: Array, dW: Array) -> Array:
    o.rows = getattr(o, "rows", 0) + dW.any(axis=ROW, keepdims=True)
    return dW


enter(
    "moments started at the first gradient",
    variants=("", "and not corrected"),
    why="m = g and v = g * g in the first step, as a running mean is often begun.",
    mend="Both moments start from zero; the bias correction is made for that.",
    first_moment=lambda o, g, way: Parts.first_moment(o, g) if o.t > 1 else g.copy(),
    second_moment=lambda o, g, way: Parts.second_moment(o, g) if o.t > 1 else g * g,
    corrected=lambda o, way: (o.m, o.v) if way else Parts.corrected(o),
)

enter(
    "ends of the running mean exchanged",
    why=(
        "lerp(m, g, beta1), or (1 - beta1) * m + beta1 * g: the gradient has the weight of the "
        "mean."
    ),
    mend="m = beta1 * m + (1 - beta1) * g, which is lerp(m, g, 1 - beta1).",
    first_moment={
        "": lambda o, g: (1 - o.beta1) * o.m + o.beta1 * g,
        "the second alone": Parts.first_moment,
        "both": lambda o, g: (1 - o.beta1) * o.m + o.beta1 * g,
    },
    second_moment={
        "": Parts.second_moment,
        "the second alone": lambda o, g: (1 - o.beta2) * o.v + o.beta2 * g * g,
        "both": lambda o, g: (1 - o.beta2) * o.v + o.beta2 * g * g,
    },
)


def first_moment_over_the_second(o: Any, g: Array) -> Array:
    """m, in the array of v."""
    o.v = Parts.first_moment(o, g)
    return o.v


@mistake(
    "one array for both moments",
    Parts.second_moment,
    why="m = v = zeros makes one array with two names, and each update writes over the other's.",
    mend="Make two arrays.",
    first_moment=first_moment_over_the_second,
)
def second_moment_over_the_first(o: Any, g: Array) -> Array:
    o.m = Parts.second_moment(o, g)
    return o.m


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
def moments_used_before(o: Any, way: str) -> tuple[Array, Array]:
    now = Parts.corrected(o)
    m, v = getattr(o, "before", (0 * o.m, 0 * o.v))
    o.before = o.m.copy(), o.v.copy()
    if "that step" in way and o.t == 1:  # there is none before it
        return now
    first, second = o.corrections(o.t - 1 if "that step" in way else o.t)
    return now[0] if "second" in way else m / first, now[1] if "first" in way else v / second


enter(
    "decay done wrong",
    why=(
        "The decay's factor is another: twice, of the wrong sign, of another rate, or no factor "
        "at all."
    ),
    mend="W *= 1 - lr * weight_decay, once, before the update.",
    decay={
        "twice": lambda o, W, dW: W * (1 - o.lr * o.weight_decay) ** 2,
        "growing": lambda o, W, dW: W * (1 + o.lr * o.weight_decay),
        "growing, not times lr": lambda o, W, dW: W * (1 + o.weight_decay),
        "not times the weights": lambda o, W, dW: W - o.lr * o.weight_decay,
        "by the sign of the weights": lambda o, W, dW: W - o.lr * o.weight_decay * np.sign(W),
        "times lr twice": lambda o, W, dW: W * (1 - o.lr**2 * o.weight_decay),
        "by the corrected lr": lambda o, W, dW: (
            W * (1 - o.lr * np.sqrt(1 - o.beta2**o.t) / (1 - o.beta1**o.t) * o.weight_decay)
        ),
        "by lr over its first correction": lambda o, W, dW: (
            W * (1 - o.lr / (1 - o.beta1**o.t) * o.weight_decay)
        ),
        "weights replaced": lambda o, W, dW: W * o.lr * o.weight_decay,
        "as an exponential": lambda o, W, dW: W * np.exp(-o.lr * o.weight_decay),
        "half": lambda o, W, dW: W * (1 - o.lr * o.weight_decay / 2),
        "to the power t": lambda o, W, dW: W * (1 - o.lr * o.weight_decay) ** o.t,
        "of the first weights": lambda o, W, dW: (
            W - o.lr * o.weight_decay * o.__dict__.setdefault("W0", W.copy())
        ),
        "towards the first weights": lambda o, W, dW: (
            W - o.lr * o.weight_decay * (W - o.__dict__.setdefault("W0", W.copy()))
        ),
    },
)

enter(
    "decay in both places",
    why="wd * W is added to the gradient, and the weights are decayed besides.",
    mend="Leave the gradient alone: AdamW decays the weights apart from it.",
    gradient=lambda o, W, dW: dW + o.weight_decay * W,
)

enter(
    "decay inside the update",
    variants=("", "and divided"),
    why="wd * W is added to the corrected moment, so the root divides it as well.",
    mend="Decay W apart from the update, which alone is divided by the root.",
    decay=lambda o, W, dW, way: W,
    update=lambda o, W, dW, m_hat, denominator, way: (
        o.lr * (m_hat + o.weight_decay * W) / denominator
    ),
)

enter(
    "decay hard-coded",
    amounts=(1e-6, 1.0),
    usual=0.1,
    why="The amount is written into the step, so weight_decay changes nothing.",
    mend="Use the weight_decay that the constructor was given.",
    decay=lambda o, W, dW, n: W * (1 - o.lr * n),
)

enter(
    "L2 of a fixed amount in the gradient",
    amounts=(1e-8, 10.0),
    usual=0.01,
    why="A penalty on the weights is left in the gradient.",
    mend="Leave the gradient alone: AdamW decays the weights apart from it.",
    gradient=lambda o, W, dW, n, way: dW + n * W,
    decay={
        "": lambda o, W, dW, n: W,
        "besides the decay": lambda o, W, dW, n: Parts.decay(o, W, dW),
    },
)


@mistake(
    "setting not used",
    Parts.step,
    variants=("betas", "beta1", "beta2", "eps", "lr", "weight_decay"),
    why=(
        "A default is written into the step or the constructor, so what is handed over changes "
        "nothing."
    ),
    mend="Use the setting that the constructor was given.",
)
def setting_not_used(o: Any, W: Array, dW: Array, way: str) -> None:
    for name in ("beta1", "beta2") if way == "betas" else (way,):
        setattr(o, name, getattr(DEFAULT, name))
    Parts.step(o, W, dW)


@mistake(
    "setting hard-coded",
    Parts.step,
    amounts=(1e-12, 0.99999),
    usual=1e-7,
    variants=("eps", "beta1", "beta2", "lr", "beta2, and 0.9 for beta1"),
    why=(
        "A number of another library is written into the step, so what is handed over changes "
        "nothing."
    ),
    mend="Use the setting that the constructor was given.",
)
def setting_hard_coded(o: Any, W: Array, dW: Array, n: Any, way: str) -> None:
    setattr(o, way.split(",")[0], n)
    if "0.9" in way:
        o.beta1 = 0.9
    Parts.step(o, W, dW)


enter(
    "lr of the update hard-coded",
    amounts=(1e-6, 1.0),
    usual=0.0025,
    why="The decay has the lr that was handed over, the update another that is written down.",
    mend="Use the lr that the constructor was given.",
    update=lambda o, W, dW, m_hat, denominator, n: n * m_hat / denominator,
)


@mistake(
    "settings exchanged",
    Parts.settings,
    variants=("eps and weight_decay", "lr and weight_decay", "lr and eps"),
    why="Two settings are handed on in the wrong order.",
    mend="Hand settings on by name: eps=eps, weight_decay=weight_decay.",
)
def settings_exchanged(o: Any, handed: dict[str, float], way: str) -> dict[str, float]:
    a, b = way.split(" and ")
    return {**handed, a: handed[b], b: handed[a]}


enter(
    "eps in another place",
    why="eps guards the division in another way, and entries with small gradients move otherwise.",
    mend="sqrt(v / (1 - beta2**t)) + eps.",
    denominator={
        "larger of root and eps": lambda o, v: np.maximum(np.sqrt(v), o.eps),
        "added twice": lambda o, v: np.sqrt(v) + o.eps * 2,
        "times the root of the correction": lambda o, v: (
            np.sqrt(v) + o.eps * np.sqrt(o.corrections(o.t)[1])
        ),
        "its square root added": lambda o, v: np.sqrt(v) + np.sqrt(o.eps),
    },
)

enter(
    "eps off by a factor",
    amounts=(1e-4, 1e4),
    usual=100.0,
    why="eps is multiplied by a constant, or given in another unit.",
    mend="Use the eps that the constructor was given.",
    denominator=lambda o, v, n: np.sqrt(v) + n * o.eps,
)

enter(
    "root of the first moment",
    why="The update is divided by |m| instead of by the root of v.",
    mend="Divide by sqrt(v) + eps.",
    denominator=lambda o, v: abs(o.m) / (1 - o.beta1**o.t) + o.eps,
)

enter(
    "clipped inside the step",
    amounts=(1e-4, 100.0),
    usual=1.0,
    why="Clipping of the gradient is a part of the step.",
    mend="Clip in the training loop if at all: AdamW takes the gradient as it is.",
    gradient={
        "by norm": lambda o, W, dW, n: dW * np.minimum(1, n / (norm(dW) + 1e-300)),
        "by value": lambda o, W, dW, n: np.clip(dW, -n, n),
        "by norm of each row": lambda o, W, dW, n: dW * np.minimum(1, n / (norm(dW, ROW) + 1e-300)),
        "by norm + 1e-6": lambda o, W, dW, n: dW * np.minimum(1, n / (norm(dW) + 1e-6)),  # torch's
    },
)

enter(
    "gradient rescaled inside the step",
    why="The gradient is normalised, centred or reduced to its sign before the moments see it.",
    mend="AdamW takes the gradient as it is.",
    gradient={
        "divided by its norm": lambda o, W, dW: over(dW, norm(dW)),
        "each row divided by its norm": lambda o, W, dW: over(dW, norm(dW, ROW)),
        "divided by its largest entry": lambda o, W, dW: over(
            dW, abs(dW).max(axis=TABLE, keepdims=True)
        ),
        "divided by its standard deviation": lambda o, W, dW: over(
            dW, dW.std(axis=TABLE, keepdims=True)
        ),
        "each row to mean 0": lambda o, W, dW: dW - dW.mean(axis=ROW, keepdims=True),
        "its sign": lambda o, W, dW: np.sign(dW),
    },
)


@mistake(
    "gradients pile up",
    Parts.gradient,
    why="Each gradient is added to those before, as when zero_grad is forgotten.",
    mend="Set the gradient to zero, or to None, before each backward pass.",
)
def gradients_pile_up(o: Any, W: Array, dW: Array) -> Array:
    o.pile = getattr(o, "pile", 0) + dW
    return o.pile


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
def every_nth_step(o: Any, W: Array, dW: Array, n: Any, way: str) -> None:
    o.calls = getattr(o, "calls", 0) + 1
    o.sum = getattr(o, "sum", 0) + dW
    due = o.calls % n == 0
    t, m, v, kept = o.t, o.m, o.v, W.copy()
    Parts.step(o, W, dW if "last" in way else o.sum / (1 if "sum" in way else n))
    o.t, o.sum = np.where(due, o.t, t), np.where(due, 0, o.sum)
    o.m, o.v = np.where(due, o.m, m), np.where(due, o.v, v)
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
def slow_weights_mixed_in(o: Any, W: Array, dW: Array, n: Any, way: str) -> None:
    o.slow = getattr(o, "slow", W.copy())
    Parts.step(o, W, dW)
    back = o.t % n == 0
    share = 0.5 if "half" in way else 0.8
    o.slow = np.where(back, o.slow + share * (W - o.slow), o.slow)
    W[...] = np.where(back, o.slow, W)


@mistake(
    "update masked by the gradient's sign",
    Parts.update,
    variants=("", "and enlarged for it"),
    why="Entries that would move against their gradient stay: that is the cautious AdamW.",
    mend="Every entry moves along its first moment.",
)
def update_masked(o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array, way: str) -> Array:
    mask = (m_hat * dW > 0).astype(W.dtype)
    if way:
        mask /= np.maximum(mask.mean(axis=TABLE, keepdims=True), 1e-3)
    return o.lr * mask * m_hat / denominator


@mistake(
    "sign of the first moment as the update",
    Parts.first_moment,
    variants=("", "of a mixed one, as in Lion"),
    why="Each entry moves by lr, whatever its gradient's size.",
    mend="Divide the first moment by sqrt(v) + eps, and take no sign.",
    update=lambda o, W, dW, m_hat, denominator, way: o.lr * np.sign(o.mixed if way else m_hat),
)
def sign_of_the_first_moment(o: Any, g: Array, way: str) -> Array:
    if not way:
        return Parts.first_moment(o, g)
    o.mixed = o.beta1 * o.m + (1 - o.beta1) * g
    return o.beta2 * o.m + (1 - o.beta2) * g


@mistake(
    "update scaled to the size of W",
    Parts.update,
    variants=("as in LAMB", "row by row", "apart from the decay"),
    why="The update is multiplied by |W| over its norm, a trust ratio.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), the same for every table.",
    decay=lambda o, W, dW, way: Parts.decay(o, W, dW) if "apart" in way else W,
)
def trust_ratio(o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array, way: str) -> Array:
    u = m_hat / denominator
    if "apart" not in way:
        u = u + o.weight_decay * W
    size, length = (norm(x, ROW if "row" in way else TABLE) for x in (W, u))
    return o.lr * u * np.where((size > 0) & (length > 0), over(size, length), 1)


@mistake(
    "update clipped",
    Parts.update,
    amounts=(1e-3, 100.0),
    usual=0.6,
    variants=("by root mean square", "by norm", "by value"),
    why="An update that is too large is scaled down, as in Adafactor.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), of any size.",
)
def update_clipped(
    o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array, n: Any, way: str
) -> Array:
    u = m_hat / denominator
    if "value" in way:
        return o.lr * np.clip(u, -n, n)
    square = (u * u).sum(axis=TABLE, keepdims=True)
    size = np.sqrt(square if "norm" in way else square / (u.shape[-2] * u.shape[-1]))
    return o.lr * (u / np.maximum(1, size / n))


enter(
    "schedule inside the step",
    why="lr changes with t inside the step.",
    mend="Use lr as it was given; a schedule sets it from outside.",
    update={
        "1 / sqrt(t)": lambda o, W, dW, m_hat, denominator: o.lr * o.t**-0.5 * m_hat / denominator,
        "1 / t": lambda o, W, dW, m_hat, denominator: o.lr * (1 / o.t) * m_hat / denominator,
        "sqrt(t)": lambda o, W, dW, m_hat, denominator: o.lr * o.t**0.5 * m_hat / denominator,
    },
)


@mistake(
    "warm-up inside the step",
    Parts.step,
    amounts=(1.5, 3000.0),
    usual=100.0,
    variants=("", "of the update alone"),
    why="lr * min(1, t / steps): a warm-up is a part of the step.",
    mend="Use lr as it was given; a schedule sets it from outside.",
)
def warm_up_inside_the_step(o: Any, W: Array, dW: Array, n: Any, way: str) -> None:
    lr, decay = o.lr, o.weight_decay
    share = np.minimum(1.0, (o.t + 1) / n)
    o.lr = lr * share
    if way:
        o.weight_decay = decay / share
    Parts.step(o, W, dW)
    o.lr, o.weight_decay = lr, decay


enter(
    "update off by a factor",
    amounts=(1e-4, 1e4),
    usual=2.0,
    why="The update is multiplied by a constant: it is made twice, or lr is scaled.",
    mend="W -= lr * m_hat / (sqrt(v_hat) + eps), once.",
    update=lambda o, W, dW, m_hat, denominator, n: o.lr * n * m_hat / denominator,
)


@mistake(
    "lr overwritten in every step",
    Parts.update,
    why=(
        "self.lr is multiplied by the correction and kept, so that it is corrected again in the "
        "next step."
    ),
    mend="Keep the corrected rate in a local variable.",
    corrected=lambda o: (o.m, o.v),
)
def lr_overwritten(o: Any, W: Array, dW: Array, m_hat: Array, denominator: Array) -> Array:
    o.lr = o.lr * np.sqrt(1 - o.beta2**o.t) / (1 - o.beta1**o.t)
    return o.lr * m_hat / denominator


@mistake(
    "first step skipped",
    Parts.step,
    why="The first call only makes the state, and its gradient is thrown away.",
    mend="Make the state before the first step, in the constructor.",
)
def first_step_skipped(o: Any, W: Array, dW: Array) -> None:
    if hasattr(o, "begun"):
        Parts.step(o, W, dW)
    o.begun = True


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
def state_shared(o: Any, W: Array, dW: Array, way: str) -> None:
    cls = type(o)
    if o.t == 0 and hasattr(cls, "shared"):
        m, v, t = cls.shared
        o.m, o.v = (o.m, o.v) if way == "t alone" else (m, v)
        o.t = o.t if way == "moments alone" else t
    Parts.step(o, W, dW)
    cls.shared = o.m, o.v, o.t
