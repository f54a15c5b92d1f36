"""The contenders, one file for each backend. A form's file is imported when the form is built, so
that none needs the backends of the others."""

import importlib
import sys
from typing import Any

from benchmarks.harness.interleave import Unavailable
from benchmarks.harness.work import FORMS


def build(form: str, make: str, *arguments: Any) -> Any:
    """``make(*arguments)`` of the form's file. ``Unavailable`` where its backend is not
    installed."""
    package = FORMS[form].backend.lower()
    try:
        module = importlib.import_module(f"benchmarks.forms.{package}_forms")
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
