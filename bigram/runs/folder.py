"""A folder that holds the checkpoints of one run: the newest two, and a lock that keeps a second
run out.

Also the checks before a run is resumed: its own schedule and its own text.
"""

import contextlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bigram.runs.checkpoint import Checkpoint, CheckpointError, load_checkpoint, save_checkpoint
from bigram.terminal import plural
from common.config import Config
from common.errors import UserError
from common.files import TEMPORARY
from common.text.corpus import Corpus

KEPT = 2  # files; the older one is for the day when the newest turns out to be damaged
NAME = re.compile(r"step-(\d+)\.safetensors", re.ASCII)
LOCK = "lock"


class RunFolder:
    """The folder of a run that is being trained, held against every other run until it is closed.

    ``with RunFolder("RUN", resume=False) as folder`` makes the folder where there is none.
    """

    checkpoint: Checkpoint | None = None  # to go on from
    notice: str | None = None  # one line about it for the user

    def __init__(self, path: str | os.PathLike[str], resume: bool) -> None:
        """Raises ``UserError`` where the folder cannot be written to, is held by another run, holds
        one that is not to be resumed, or holds none that could be."""
        self.path = Path(path)
        try:
            if not resume:
                self.path.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(f"cannot write to {path}: {reason}; give another folder") from error
        try:
            hold(self._lock, self.path)
            # by a run that was killed while it saved
            for left_over in self.path.glob(f".step-*{TEMPORARY}"):
                with contextlib.suppress(OSError):
                    left_over.unlink()
            if resume:
                self.checkpoint, self.notice = newest_checkpoint(self.path)
                # it may have been killed before it came to that
                self._remove_before(self.checkpoint.step)
            elif there := checkpoints(self.path):
                raise UserError(
                    f"{path} holds a run already, saved after "
                    f"{plural(step_of(there[0]), 'update')}; "
                    "resume it, or give another folder"
                )
        except BaseException:
            os.close(self._lock)
            raise

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, *error: object) -> None:
        # which lets go of the lock. Its file stays: another run may be waiting for it
        os.close(self._lock)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Writes the checkpoint and removes all earlier ones but the last; returns where it is.

        Raises ``CheckpointError`` as ``save_checkpoint`` does; nothing is removed then.
        """
        path = self.path / f"step-{checkpoint.step}.safetensors"
        save_checkpoint(path, checkpoint)
        self._remove_before(checkpoint.step)
        return path

    def _remove_before(self, step: int) -> None:
        # Newer files stay: a damaged one explains why a run went back.
        earlier = [path for path in checkpoints(self.path) if step_of(path) < step]
        for path in earlier[KEPT - 1 :]:
            with contextlib.suppress(OSError):  # one too many does no harm
                path.unlink()


def checkpoints(folder: Path) -> list[Path]:
    """The files of a run folder, newest first."""
    return sorted(
        (path for path in folder.iterdir() if NAME.fullmatch(path.name)), key=step_of, reverse=True
    )


def step_of(path: Path) -> int:
    """The updates made, of a checkpoint's file name."""
    match = NAME.fullmatch(path.name)
    assert match
    return int(match[1])


def newest_checkpoint(folder: Path) -> tuple[Checkpoint, str | None]:
    """The newest checkpoint that can be loaded, and a line about a newer one that cannot.

    Raises ``CheckpointError`` where there is none.
    """
    try:
        files = checkpoints(folder)
    except OSError as error:
        raise CheckpointError(f"cannot read {folder}: {error.strerror or error}") from error
    problem = None
    for path in files:
        try:
            checkpoint = load_checkpoint(path)
        except CheckpointError as error:
            problem = problem or str(error)
        else:
            return checkpoint, problem and f"{problem}; going back to {path.name}"
    raise CheckpointError(problem or f"{folder} holds no checkpoint; train a model into it first")


def hold(descriptor: int, folder: Path) -> None:
    """Locks an open file until it is closed, however its process ends. Raises ``UserError`` where
    another process has locked it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError) as error:  # the second on Windows
        raise UserError(
            f"{folder} is in use by another run; wait for it, or give another folder"
        ) from error
    except OSError as error:
        raise UserError(f"cannot lock {folder}: {error.strerror}; give another folder") from error


def continued(checkpoint: Checkpoint, given: Mapping[str, Any]) -> Config:
    """The schedule that a resumed run goes on with: its own. Of the ``given`` settings only a
    larger ``max_iters`` may differ; ``UserError`` is raised for any other.

    A run that is made longer was evaluated at its former end. If that is off the interval and
    evaluation is sampled, later evaluations draw other batches; training stays the same.
    """
    saved = checkpoint.config
    for name, value in given.items():
        if name != "max_iters" and value != getattr(saved, name):
            raise UserError(
                f"{name} is {value} and the run was begun with {getattr(saved, name)}; "
                "leave it out, or begin another run in another folder"
            )
    if given.get("max_iters", saved.max_iters) < checkpoint.step:
        raise UserError(
            f"max_iters is {given['max_iters']} and the run has already made "
            f"{plural(checkpoint.step, 'update')}"
        )
    return replace(saved, **given)


def check_corpus(checkpoint: Checkpoint, corpus: Corpus) -> None:
    """Raises ``UserError`` unless ``corpus`` is the text that the run was begun on."""
    if (corpus.sha256, corpus.tokenizer.vocab) != (checkpoint.corpus_sha256, checkpoint.vocab):
        raise UserError(
            f"the text is {corpus.name!r} with sha256 {corpus.sha256[:12]}... and the run was "
            f"begun on {checkpoint.corpus_name!r} with {checkpoint.corpus_sha256[:12]}...; "
            "give that text"
        )
