"""A file that is written whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"  # ends the name of a file that is being written


def replace_file(path: Path, data: bytes) -> None:
    """Writes ``data`` to ``path``. Raises ``OSError``; a file that stood there is then
    unchanged."""
    with replacing(path) as file:
        file.write(data)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes the name ``path`` once the block has ended and
    the data is on the disk. After an exception a file that stood there is unchanged.
    Permissions follow the umask."""
    # In the same folder, so that the rename is within one file system and happens at
    # once.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # an interruption too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    # the new name is on the disk only once its folder is; Windows opens no folders
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
