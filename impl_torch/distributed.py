"""The same training step in several processes, on one machine or many, started by
``torchrun``.

Every process has the whole table and draws the same batches; each takes its own windows
of a batch, and one all-reduce adds up their losses and gradients. Read
``impl_torch/trainer.py`` first: only its step changes. A table too large for one
process is not split. Tested with gloo on CPUs; nccl, on GPUs, is not tested yet.

All code that knows of several processes is in this file. ``bigram/runs/alone.py`` has
the same functions for one process.
"""

import atexit
import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from dataclasses import asdict
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.nn  # noqa: F401 - imported later, it would keep a group alive
from numpy.typing import NDArray
from torch.distributed.rendezvous import rendezvous

from common.arrays import Ids
from common.config import Config
from common.errors import UserError
from impl_torch.device import pick_device
from impl_torch.trainer import TorchTrainer

T = TypeVar("T")
SEVERAL = True


def is_first() -> bool:
    """Whether this process reports and saves: the first of all machines does."""
    return os.environ.get("RANK") == "0"


@contextmanager
def only_the_first_prints() -> Iterator[None]:
    """Discards the output of every process but the first. Exceptions pass, and are
    printed by the caller."""
    if is_first():
        yield
        return
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
    ):
        yield


def let_the_first_speak() -> None:
    """Waits before an error is printed. The processes of a machine have the same
    arguments and files, so most likely the same error, and ``torchrun`` ends them all
    as soon as one has ended: so the first prints at once, and the others only if they
    are still there after a while."""
    if os.environ.get("LOCAL_RANK", "0") != "0":
        time.sleep(5)


def my_part(given: Sequence[T]) -> Sequence[T]:
    """The share of this process, maybe nothing, of the arguments of all that
    ``torchrun`` started on this machine. A process that was started in another way has
    arguments for itself alone."""
    rank = int(os.environ.get("LOCAL_RANK", "0"))
    return given[rank :: int(os.environ.get("LOCAL_WORLD_SIZE", "1"))]


def together(device: str, dtype: str, timeout: float) -> AbstractContextManager[None]:
    """``joined`` on the device that ``pick_device`` finds."""
    return joined(pick_device(device, dtype).type, timeout)


@contextmanager
def joined(device: str, timeout: float) -> Iterator[None]:
    """Joins the other processes, as ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and
    ``MASTER_PORT`` say: over gloo, or over nccl for ``device`` "cuda", where each
    process of a machine takes one GPU.

    One that is silent for ``timeout`` seconds counts as dead. Raises ``UserError``
    where they do not meet.
    """
    if device == "mps":
        raise UserError("several processes train on cpu or cuda, not on mps; use cpu")
    if device == "cuda":
        gpu, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if gpu >= gpus:
            raise UserError(
                f"no GPU is left for process {gpu} of this machine, it has {gpus}; "
                "start fewer"
            )
        torch.cuda.set_device(gpu)
    patience = timedelta(seconds=timeout)
    try:
        store, rank, world_size = next(rendezvous("env://", timeout=patience))
        store.set_timeout(patience)
        backend = "nccl" if device == "cuda" else "gloo"
        dist.init_process_group(
            backend, store=store, rank=rank, world_size=world_size, timeout=patience
        )
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(
            f"the processes of this run did not meet: {reason}; use torchrun"
        ) from error
    # Destroyed at exit and not here, because the others take it for this process's
    # death, and torchrun then ends them all before an error is printed. Never
    # destroyed, gloo's threads would outlive the interpreter.
    atexit.register(dist.destroy_process_group)
    yield
    # The others may still be reading this one's last message; a process that leaves too
    # early counts as dead.
    if store.add("ready to leave", 1) == world_size:
        store.set("all may leave", "")
    else:
        # the work is done, so another's death changes nothing
        with suppress(RuntimeError):
            store.wait(["all may leave"])


def gather(mine: T) -> list[T]:
    """The object of every process, in the order of their ranks; all must take part."""
    theirs: list[T] = [mine] * dist.get_world_size()
    with others_may_die():
        dist.all_gather_object(theirs, mine)
    return theirs


def broadcast(mine: T) -> T:
    """The first process's object, in all of them."""
    objects = [mine]
    with others_may_die():
        dist.broadcast_object_list(objects, src=0)
    return objects[0]


def add(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum over the processes, exact, in one all-reduce; all arrays have one
    shape."""
    total = torch.from_numpy(counts.copy())
    with others_may_die():
        dist.all_reduce(total)
    return total.numpy()


@contextmanager
def others_may_die() -> Iterator[None]:
    """Around a call that waits for other processes: raises ``UserError`` if one never
    answers."""
    try:
        yield
    except RuntimeError as error:
        raise UserError(
            "another process of this run died, or was silent for longer than "
            "the timeout; see its last message"
        ) from error


class DistributedTrainer(TorchTrainer):
    """A ``TorchTrainer`` that takes its part of each batch, and steps with the gradient
    of the whole."""

    def __init__(
        self,
        table: NDArray[np.floating],
        config: Config,
        device: str,
        corpus_sha256: str,
        asked_to_end: Callable[[], bool] = lambda: False,
    ) -> None:
        """Inside ``joined``. Raises ``UserError`` unless corpus, schedule and table are
        the same in all."""
        super().__init__(table, config, device)
        # this process: each gets signals at its own step
        self._asked_to_end = asked_to_end
        self.interrupted = False  # any of them was asked to end before the last step
        facts = {"corpus sha256": corpus_sha256, **asdict(config)}
        facts["sha256 of the first table"] = hashlib.sha256(table.tobytes()).hexdigest()
        everyone = gather(facts)
        for rank, theirs in enumerate(everyone):
            for name, first in everyone[0].items():
                if theirs[name] != first:
                    other = f"{theirs[name]} in process {rank}"
                    difference = f"{name} is {first} in process 0 and {other}"
                    raise UserError(f"{difference}; start all of them alike")

    def step(self, idx: Ids, targets: Ids) -> float:
        """One update on a batch of all processes, (B, T) each. Returns its loss before
        it, in nats.

        The mean over N tokens is the sum over all parts, divided by N. A part of n
        tokens has the mean gradient and loss, so n times that is its sum; the mean of
        the means is another number wherever the parts are uneven.
        """
        rank, world_size = dist.get_rank(), dist.get_world_size()
        part = slice(len(idx) * rank // world_size, len(idx) * (rank + 1) // world_size)
        weight = self.model.token_embedding_table.weight
        # Of the gradients, the losses, 1 for each token, and 1 for each process that
        # was asked to end.
        sums = weight.new_zeros(weight.numel() + 3)
        sums[-1] = self._asked_to_end()
        # with more processes than windows, some parts are empty
        if n := idx[part].size:
            _, loss = self.model(self._tensor(idx[part]), self._tensor(targets[part]))
            (gradient,) = torch.autograd.grad(loss, weight)
            sums[:-1] = n * torch.cat(
                [gradient.flatten(), loss.detach()[None], loss.new_ones(1)]
            )
        with others_may_die():
            dist.all_reduce(sums)
        self.interrupted = bool(sums[-1])
        means = sums / sums[-2]
        weight.grad = means[:-3].view_as(weight)
        self.optimizer.step()  # to the same bits in every process
        return float(means[-3])


def trainer_maker(
    backend: str, device: str, corpus_sha256: str, asked: Callable[[], bool]
) -> Callable[[NDArray[np.floating], Config], DistributedTrainer]:
    """A function that makes the trainer from a first table. ``backend`` is always
    "torch"."""
    return lambda table, config: DistributedTrainer(
        table, config, device, corpus_sha256, asked
    )


def interrupted(trainer: DistributedTrainer, asked: Callable[[], bool]) -> bool:
    """Whether any process was asked to end before the last step; ``trainer`` has asked
    them all."""
    return trainer.interrupted
