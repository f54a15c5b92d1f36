"""The mistakes that the studies train with and try tolerances on: one entry of the catalogue for
each kind.

The whole catalogue has several entries of a kind, which differ by a number or a place.
"""

from bigram.doctor.mistakes import gradients, optimizers
from bigram.doctor.mistakes.stages import Mistake

WRONG_GRADIENTS = (
    "targets not shifted",
    "targets shifted the wrong way",
    "inputs and targets swapped",
    "last position only",
    "idx and targets flattened in different orders",
    "softmax over the wrong axis",
    "softmax over the whole table",
    "softmax over the whole batch",
    "maximum not subtracted",
    "softmax taken twice",
    "sigmoid instead of softmax",
    "probabilities clipped",
    "one-hot not subtracted",
    "sign flipped",
    "times p (1 - p)",
    "softmax Jacobian applied twice",
    "only the target's entry",
    "one-hot one place off",
    "eps inside the log",
    "log base 2",
    "labels smoothed",
    "sum instead of mean",
    "mean over B only",
    "mean over T only",
    "off by a factor of V",
    "divided by N twice",
    "repeated ids lost",
    "transposed",
    "averaged over repeated ids",
    "last character's row never written",
    "first character taken for padding",
    "accumulated across calls",
    "unvisited rows not zero",
    "weight decay in the gradient",
    "one entry off by 1e-9",
    "float32 where float64 was asked",
)
WRONG_ADAMWS = (
    "L2 in the gradient",
    "no decay",
    "decay not times lr",
    "decay after the update",
    "decay of visited rows only",
    "gradient not damped",
    "first moment never kept",
    "second moment never kept",
    "gradient not squared",
    "square of the mean",
    "second moment around the mean",
    "betas swapped",
    "one beta for both",
    "largest second moment kept",
    "no bias correction",
    "first moment not corrected",
    "second moment not corrected",
    "t one ahead",
    "t never raised",
    "corrected moments stored",
    "bias corrections in float32",
    "eps inside the root",
    "eps before the bias correction",
    "eps ten times larger",
    "eps left out",
    "root left out",
    "uphill",
    "lazy rows",
    "gradient instead of its mean",
    "looking ahead",
)


def named(catalogue: list[Mistake], names: tuple[str, ...]) -> list[Mistake]:
    """The entries with these names, in this order. Raises ``KeyError`` for a name that is not
    there."""
    by_name = {mistake.name: mistake for mistake in catalogue}
    return [by_name[name] for name in names]


GRADIENTS = named(gradients.GRADIENTS, WRONG_GRADIENTS)
OPTIMIZERS = named(optimizers.OPTIMIZERS, WRONG_ADAMWS)
