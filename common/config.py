"""Every hyperparameter and its default, in one frozen record: the published
schedule."""

from dataclasses import dataclass

from common.errors import UserError


@dataclass(frozen=True, slots=True)
class Config:
    """One training run. Raises ``UserError`` where no run could follow from the
    values."""

    batch_size: int = 32  # B, windows in a batch
    # T, tokens in a window; a bigram model looks back only one of them
    block_size: int = 8
    max_iters: int = 5000  # updates in all
    # updates between evaluations; the last update is always followed by one
    eval_interval: int = 500
    # batches in a sampled evaluation; None evaluates the whole split
    eval_iters: int | None = None
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 1e-2
    dtype: str = "float32"  # or "float64": of the table, its gradient and both moments
    seed: int = 1337

    def __post_init__(self) -> None:
        counts = "batch_size", "block_size", "max_iters", "eval_interval", "eval_iters"
        for name in counts:
            value = getattr(self, name)
            if value is not None and not 1 <= value <= 10**12:
                raise UserError(
                    f"{name} is {value}; it must be at least 1 and at most 10**12"
                )
        check_adamw(self.lr, self.betas, self.eps, self.weight_decay)
        if self.dtype not in ("float32", "float64"):
            raise UserError(f"dtype is {self.dtype!r}; it must be float32 or float64")
        if self.seed < 0:
            raise UserError(f"seed is {self.seed}; it must be zero or more")


def check_adamw(
    lr: float, betas: tuple[float, float], eps: float, weight_decay: float
) -> None:
    """Raises ``UserError`` for a value with which AdamW can compute no update."""
    for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
        # More would not fit in float32 once AdamW has divided it by 1 - beta.
        if not 0 <= value <= 1e30:
            raise UserError(f"{name} is {value}; it must be a number from 0 to 1e30")
    for name, beta in zip(("beta1", "beta2"), betas, strict=True):
        if not 0 <= beta < 1:
            raise UserError(f"{name} is {beta}; it must be at least 0 and below 1")
