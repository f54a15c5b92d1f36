"""The contenders, one file for each backend. A form's file is imported when the form is built, so
that none needs the backends of the others."""

import importlib
import sys
from typing import Any

from benchmarks.harness.interleave import Unavailable
from benchmarks.harness.work import FORMS

FILES = {
    "NumPy": "numpy_forms",
    "torch": "torch_forms",
    "JAX": "jax_forms",
    "Numba": "numba_forms",
    "autograd": "autograd_forms",
    "C": "loops",
}


def build(form: str, make: str, *arguments: Any) -> Any:
    """``make(*arguments)`` of the form's file. ``Unavailable`` where its backend is not
    installed."""
    backend = FORMS[form].backend
    package = backend.lower()
    try:
        module = importlib.import_module(f"benchmarks.forms.{FILES[backend]}")
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        extra = "" if package == "torch" else '; pip install -e ".[peers]"'
        raise Unavailable(f"{package} is not installed{extra}") from None
    return getattr(module, make)(*arguments)


def forget() -> None:
    """Drops the functions that torch compiled for a group that is over."""
    if torch_forms := sys.modules.get("benchmarks.forms.torch_forms"):
        torch_forms.forget()
