"""Helpers of the tests, the folder of the checkout, and the longest wait of a test."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
HANG = 600  # seconds: what takes that long hangs, on however slow and busy a machine


def one_in(n: int, cases: Iterable[Any]) -> list[Any]:
    """Cases for ``parametrize``: the default run tries the first of every ``n``, ``-m slow`` the
    others."""

    def slow(case: Any) -> Any:
        values = case if type(case) is tuple else (case,)
        return pytest.param(*values, marks=pytest.mark.slow)

    return [slow(case) if k % n else case for k, case in enumerate(cases)]
