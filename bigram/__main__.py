"""The console script. This process is the command's own, so its environment may be set here, before
NumPy and torch are imported; ``bigram.cli.main`` can be called by others and sets nothing."""

import os
import sys

from bigram import cli


def main() -> int:
    """Runs one command and returns its exit status."""
    if sys.argv[1:2] == ["compare"]:
        # One thread, unless told otherwise: a step is too small for more, and the speed line says
        # so.
        for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(variable, "1")
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
