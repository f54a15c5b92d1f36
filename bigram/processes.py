"""One of several processes, as ``torchrun`` starts them: who reports, and which files are whose. All of it
is read from the environment, before anything heavy is imported; ``impl_torch/distributed.py`` is where they
talk.
"""

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TypeVar

from common.errors import UserError

T = TypeVar("T")


def several_processes() -> bool:
    """Whether this is one of several."""
    return os.environ.get("WORLD_SIZE", "1") != "1"


def is_first() -> bool:
    """Whether this process reports and saves: of several, the first of all machines."""
    return not several_processes() or os.environ.get("RANK") == "0"


def let_the_first_speak() -> None:
    """To be called before an error is said. All processes of a machine have the same arguments and files, so
    most likely the same to say; and ``torchrun`` ends the rest as soon as one has ended. So the first of
    them says it at once, and the others only if they are still there after a while."""
    if several_processes() and os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(5)


def my_part(given: Sequence[T]) -> Sequence[T]:
    """What falls to this process, maybe nothing, of what was given to all that ``torchrun`` started on this
    machine. Alone, or started by other hands than ``torchrun``'s, it was given its own."""
    return given[int(os.environ.get("LOCAL_RANK", "0")) :: int(os.environ.get("LOCAL_WORLD_SIZE", "1"))]


def from_first(mine: T) -> T:
    """What the first process has, in all of them; alone, its own."""
    if not several_processes():
        return mine
    from impl_torch.distributed import broadcast

    return broadcast(mine)


def together(device: str, dtype: str, timeout: float) -> AbstractContextManager[None]:
    """With the other processes, if there are any, to work on ``device`` in ``dtype``. Raises ``UserError``
    where they do not meet, and for a ``timeout`` that is no number of seconds to wait."""
    if not 0 < timeout <= 86400:
        raise UserError(f"--timeout is {timeout:g}; give a number of seconds above 0 and up to 86400, a day")
    if not several_processes():
        return nullcontext()
    from impl_torch.device import pick_device
    from impl_torch.distributed import joined

    return joined(pick_device(device, dtype).type, timeout)
