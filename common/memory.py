"""How much memory there is, and whether a table of V x V, or a batch, can fit in it at
all."""

import os
from pathlib import Path

from common.config import Config
from common.errors import UserError

# Any run holds at once, for each of the V x V cells: the logits, their gradient and
# both moments in float32, and the counted pairs of both parts of the text in int64. A
# float64 run needs half as much again.
BYTES_PER_CELL = 4 * 4 + 2 * 8

# And for each token of a batch: its id, its target, and the cell of the pair in the
# table, all int64.
BYTES_PER_TOKEN = 3 * 8

# Where Linux keeps the limit of a container, in both generations of its control groups.
LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory() -> int | None:
    """Bytes of memory in this machine or container, or ``None`` where the system does
    not say.

    Windows does not, and need not: it refuses memory at once, where
    Linux promises memory that it has not got and kills the process that uses it.
    """
    try:
        found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    except (AttributeError, ValueError, OSError):
        return None
    for path in LIMITS:
        try:
            found.append(int(path.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such group, or "max", which is no limit
            continue
    return min(found)


def check_batch_fits(config: Config) -> None:
    """Raises ``UserError``, with the arithmetic, if the batches of no run could fit in
    memory."""
    windows = config.batch_size * (config.eval_iters or 1)
    needed, there = BYTES_PER_TOKEN * windows * config.block_size, memory()
    if there is not None and needed > there:
        raise UserError(
            f"{windows:,} windows of {config.block_size:,} tokens at once take "
            f"{BYTES_PER_TOKEN} bytes a token = {needed / 1e9:,.1f} GB, and the memory "
            f"is {there / 1e9:,.1f} GB; use a smaller batch_size, block_size or "
            "eval_iters"
        )


def check_table_fits(vocab_size: int, name: object) -> None:
    """Raises ``UserError``, with the arithmetic, if no run on a text of that many
    distinct characters could fit in memory. It is asked before anything of V x V is
    made. ``name``: of the text, for the message."""
    needed, there = BYTES_PER_CELL * vocab_size**2, memory()
    if there is not None and needed > there:
        V = f"{vocab_size:,}"
        raise UserError(
            f"{name} has {V} distinct characters: logits, gradient, moments and "
            f"pair counts take {BYTES_PER_CELL} bytes x {V} x {V} = "
            f"{needed / 1e9:,.1f} GB, and the memory is {there / 1e9:,.1f} GB; "
            "use a text with fewer distinct characters"
        )
