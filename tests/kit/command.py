"""The command line as a shell runs it, in a process."""

import os
import subprocess
import sys
from typing import Any

from tests.kit import HANG


def bigram(
    *args: str, env: dict[str, str] | None = None, **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Runs ``python -m bigram`` with ``env`` added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "bigram", *args],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"PYTHONIOENCODING": "utf-8"} | (env or {}),
        stdin=subprocess.DEVNULL,
        timeout=HANG,
        **kwargs,
    )
