"""The command line, and the checks that compare the two models.

``bigram.check`` and its sisters are the doctor from Python. Nothing is loaded until one of them is
used.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bigram.doctor.api import Result, check, check_optimizer
    from bigram.doctor.kernels import check_cross_entropy, check_embedding
    from common.errors import UserError

__all__ = [
    "Result",
    "UserError",
    "check",
    "check_cross_entropy",
    "check_embedding",
    "check_optimizer",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bigram' has no attribute {name!r}")
    from importlib import import_module

    kernel = name in ("check_cross_entropy", "check_embedding")
    value = getattr(import_module(f"bigram.doctor.{'kernels' if kernel else 'api'}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
