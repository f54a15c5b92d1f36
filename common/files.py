"""A file that is written whole or not at all, whatever happens meanwhile."""

import contextlib
import os
import secrets
from pathlib import Path

TEMPORARY = ".tmp"  # ends the name of a file that is being written


def replace_file(path: Path, data: bytes) -> None:
    """Puts a file with ``data`` in the place of what stands at ``path``, if anything does, once it is on the
    disk. Permissions follow the umask. Raises ``OSError``; what stood there is then as it was."""
    # Beside its place, so that the last move is within one file system and cannot be half done.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")
    try:
        with open(temporary, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:  # an interruption too
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if os.name == "posix":  # the new name is on the disk only once its folder is; Windows opens no folders
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
