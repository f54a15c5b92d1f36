"""The same training step in several processes, on one machine or many, started by ``torchrun``.

Every process has the whole table and draws the same batches; each takes its own windows of a batch, and one
all-reduce adds up what they find. To be read after ``impl_torch/trainer.py``, of which only the step changes.
A table too large for one process is not split here. Tried with gloo on CPUs; nccl, on GPUs, is not tried yet.
"""

import atexit
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta
from typing import TypeVar

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.nn  # noqa: F401 - before there is a group: it would keep it alive, as a default
from numpy.typing import NDArray
from torch.distributed.rendezvous import rendezvous

from common.arrays import Ids
from common.config import Config
from common.errors import UserError
from impl_torch.trainer import TorchTrainer

T = TypeVar("T")


@contextmanager
def joined(device: str, timeout: float) -> Iterator[None]:
    """With the other processes, as ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT`` say: over
    gloo, or over nccl for ``device`` "cuda", where each process of a machine takes a GPU of its own.

    One that is silent for ``timeout`` seconds counts as dead. Raises ``UserError`` where they do not meet.
    """
    if device == "mps":
        raise UserError("several processes train on cpu or cuda, not on mps; use --device cpu")
    if device == "cuda":
        gpu, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        if gpu >= gpus:
            raise UserError(f"no GPU is left for process {gpu} of this machine, it has {gpus}; start fewer")
        torch.cuda.set_device(gpu)
    patience = timedelta(seconds=timeout)
    try:
        store, rank, world_size = next(rendezvous("env://", timeout=patience))
        store.set_timeout(patience)
        backend = "nccl" if device == "cuda" else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=world_size, timeout=patience)
    except (RuntimeError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"the processes of this run did not meet: {reason}; use torchrun") from error
    # Not here but at the very end, after whatever an error has to say: the others take it for this one's
    # death, and torchrun ends them all. And not never: gloo's threads would need an interpreter that is gone.
    atexit.register(dist.destroy_process_group)
    yield
    # The others may still be reading what this one sent last; who leaves too early is taken for dead.
    if store.add("ready to leave", 1) == world_size:
        store.set("all may leave", "")
    else:
        with suppress(RuntimeError):  # the work is done, whatever becomes of the rest
            store.wait(["all may leave"])


def gather(mine: T) -> list[T]:
    """What each process has to say, in the order of their ranks; every one must take part."""
    theirs: list[T] = [mine] * dist.get_world_size()
    with others_may_die():
        dist.all_gather_object(theirs, mine)
    return theirs


def broadcast(mine: T) -> T:
    """What the first process has."""
    said = [mine]
    with others_may_die():
        dist.broadcast_object_list(said, src=0)
    return said[0]


def add(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sum of what the processes have, exact, in one all-reduce; all of one shape."""
    total = torch.from_numpy(counts.copy())
    with others_may_die():
        dist.all_reduce(total)
    return total.numpy()


@contextmanager
def others_may_die() -> Iterator[None]:
    """Around what waits for other processes: the ``UserError`` for one that never answers."""
    try:
        yield
    except RuntimeError as error:
        raise UserError(
            "another process of this run died, or was silent for longer than --timeout; see what it said last"
        ) from error


class DistributedTrainer(TorchTrainer):
    """A ``TorchTrainer`` that works on its part of each batch and steps with the gradient of the whole."""

    def __init__(
        self,
        table: NDArray[np.floating],
        config: Config,
        device: str,
        corpus_sha256: str,
        asked_to_end: Callable[[], bool] = lambda: False,
    ) -> None:
        """Inside ``joined``. Raises ``UserError`` unless corpus, schedule and table are the same in all."""
        super().__init__(table, config, device)
        self._asked_to_end = asked_to_end  # this process; signals do not reach all at the same step
        self._interrupted = False  # any of them
        facts = {"corpus sha256": corpus_sha256, **asdict(config)}
        facts["sha256 of the first table"] = hashlib.sha256(table.tobytes()).hexdigest()
        everyone = gather(facts)
        for rank, theirs in enumerate(everyone):
            for name, first in everyone[0].items():
                if theirs[name] != first:
                    difference = f"{name} is {first} in process 0 and {theirs[name]} in process {rank}"
                    raise UserError(f"{difference}; start all of them alike")

    def step(self, idx: Ids, targets: Ids) -> float:
        """One update on a batch of all processes, (B, T) each. Returns its loss before it, in nats.

        The mean over N tokens is the sum over all parts, divided by N. A part of n tokens has the mean
        gradient and loss, so n times that is its sum; the mean of the means is another number wherever
        the parts are uneven.
        """
        rank, world_size = dist.get_rank(), dist.get_world_size()
        part = slice(len(idx) * rank // world_size, len(idx) * (rank + 1) // world_size)
        weight = self.model.token_embedding_table.weight
        # Of the gradients, the losses, 1 for each token, and 1 for each process that was asked to end.
        sums = weight.new_zeros(weight.numel() + 3)
        sums[-1] = self._asked_to_end()
        if n := idx[part].size:  # no windows are left for some where there are more processes
            _, loss = self.model(self._tensor(idx[part]), self._tensor(targets[part]))
            (gradient,) = torch.autograd.grad(loss, weight)
            sums[:-1] = n * torch.cat([gradient.flatten(), loss.detach()[None], loss.new_ones(1)])
        with others_may_die():
            dist.all_reduce(sums)
        self._interrupted = bool(sums[-1])
        means = sums / sums[-2]
        weight.grad = means[:-3].view_as(weight)
        self.optimizer.step()  # the same in every process, from the same gradient to the last bit
        return float(means[-3])

    def interrupted(self) -> bool:
        """Whether any process was asked to end before the last step: the same answer in all of them."""
        return self._interrupted
