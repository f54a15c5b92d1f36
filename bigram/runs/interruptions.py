"""Ctrl-C and SIGTERM while a model is trained: the first asks for an end after the step, the second
ends."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interruption:
    """Whether the run was asked to end, and by which signal."""

    signal: int | None = None

    def asked(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status: 128 and the signal's number, as shells have it."""
        return 128 + (self.signal or 0)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handles a signal of the operating system."""
        if self.signal is not None:
            # Unwinds at once: files that are half written are removed, locks are let go.
            raise SystemExit(128 + number)
        self.signal = number


@contextlib.contextmanager
def interruptible() -> Iterator[Interruption]:
    """Inside, a first SIGINT or SIGTERM is only recorded. The handlers before are restored at the
    end. Only the main thread receives signals, so in any other thread nothing changes.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {
        number: signal.signal(number, interruption) for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
