"""Runs a command at a terminal of 80 columns with colours, wherever the tests themselves run."""

import os
import subprocess
import threading
from collections.abc import Sequence
from typing import Any


def at_terminal(
    command: Sequence[str], name: str, **environment: str
) -> tuple[subprocess.Popen[bytes], bytes, bytes]:
    """Runs ``command`` to its end with its "stdout" or "stderr", whichever ``name`` says, at a
    terminal. Returns the process, all it wrote there, and all it wrote to the other of the two, a
    pipe."""
    import pty  # POSIX alone has them

    terminal, line = pty.openpty()
    written: list[bytes] = []

    def read() -> None:
        # As it comes, for a terminal that is not read fills up; an OSError says that the other end
        # is closed.
        try:
            while piece := os.read(terminal, 100_000):
                written.append(piece)
        except OSError:
            pass

    reader = threading.Thread(target=read)
    other = "stdout" if name == "stderr" else "stderr"
    settings = (
        os.environ
        | {"TERM": "xterm-256color", "COLUMNS": "80", "PYTHONIOENCODING": "utf-8"}
        | environment
    )
    streams: dict[str, Any] = {name: line, other: subprocess.PIPE}
    with subprocess.Popen(command, env=settings, **streams) as process:
        os.close(line)
        reader.start()
        pipe = getattr(process, other)
        piped = pipe.read()
    reader.join()
    os.close(terminal)
    return process, b"".join(written), piped
