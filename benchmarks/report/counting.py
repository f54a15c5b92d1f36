"""Counts what a piece of NumPy code does: numbers through each kind of operation, and the bytes of the arrays
they are read from and written to. For docs/cost.md, whose formulas are held against it.

Only ufuncs are seen, their reductions, ``at`` and the matrix product: not gathers, casts, ``bincount`` and
sorting, which the page adds by name. Bytes count alike wherever they lie, in the cache or in memory.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

KINDS = {"exp": "exp", "log": "log", "sqrt": "sqrt", "divide": "divide", "matmul": "matmul"}


class Counted(np.ndarray):
    """An array that keeps the books of every ufunc it meets, and hands its kind on to the results."""

    books: ClassVar[Counter[str]] = Counter()

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        out = kwargs.get("out", ())
        plain = [x.view(np.ndarray) if isinstance(x, np.ndarray) else x for x in inputs]
        if out:
            kwargs["out"] = tuple(x.view(np.ndarray) for x in out)
        result = getattr(ufunc, method)(*plain, **kwargs)
        read = [x for x in plain if isinstance(x, np.ndarray)]
        written = [x for x in (result if result is not None else plain[0],) if isinstance(x, np.ndarray)]
        if method == "at":  # of the table, as many entries are read and written as there are given
            read, written = [plain[2], plain[2]], [plain[2]]
        self.books["calls"] += 1
        self.books[KINDS.get(ufunc.__name__, "add")] += max(x.size for x in read if x.dtype.kind == "f")
        self.books["bytes"] += sum(x.nbytes for x in [*read, *written])
        if out:
            return out[0]
        return result.view(Counted) if isinstance(result, np.ndarray) else result


def counted(run: Callable[..., object], *arrays: np.ndarray) -> Counter[str]:
    """What ``run`` does, given copies of these arrays that count."""
    Counted.books = Counter()
    run(*(array.copy().view(Counted) for array in arrays))
    return Counted.books


# Per entry, to first order: what is added up over rows, columns or tokens alone is left out. N tokens,
# V characters, R of which occur. ``add`` is one addition, subtraction, multiplication or maximum.
FORMULAS = {
    "per token, np.add.at": {
        "exp": "N*V",
        "divide": "2*N*V",
        "add": "4*N*V",
        "bytes": "52*N*V",
    },
    "pair counts": {
        "exp": "V*V",
        "divide": "2*V*V",
        "add": "7*V*V",
        "bytes": "76*V*V",
    },
    "pair counts of the rows that occur": {
        "exp": "R*V",
        "divide": "2*R*V",
        "add": "4*R*V",
        "bytes": "48*R*V",
    },
    "AdamW": {
        "sqrt": "V*V",
        "divide": "2*V*V",
        "add": "11*V*V",
        "bytes": "136*V*V",
    },
    "AdamW of the rows that occur": {
        "sqrt": "V*V",
        "divide": "2*V*V",
        "add": "8*V*V + 3*R*V",
        "bytes": "104*V*V + 32*R*V",
    },
}


def value(formula: str, N: float, V: float, R: float) -> float:
    """A formula's number.

    >>> value("2*N*V", N=256, V=65, R=40)
    33280
    """
    terms = (term.split("*") for term in formula.split(" + "))
    names = {"N": N, "V": V, "R": R}
    return sum(math.prod(names[part] if part in names else int(part) for part in term) for term in terms)
