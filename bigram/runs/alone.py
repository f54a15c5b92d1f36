"""A command in one process. ``impl_torch/distributed.py`` has functions of the same names,
documented there, for several processes; ``cli.main`` hands one of the two to the command."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from common.arrays import Array, Ids
    from common.config import Config
    from common.training import Trainer

T = TypeVar("T")
Nothing = contextlib.AbstractContextManager[object]


class Alone:
    """The only process."""

    SEVERAL = False

    def is_first(self) -> bool:
        return True

    def only_the_first_prints(self) -> Nothing:
        return contextlib.nullcontext()

    def let_the_first_speak(self) -> None:
        pass

    def together(self, device: str, dtype: str, timeout: float) -> Nothing:
        return contextlib.nullcontext()

    def my_part(self, given: Sequence[T]) -> Sequence[T]:
        return given

    def broadcast(self, mine: T) -> T:
        return mine

    def gather(self, mine: T) -> list[T]:
        return [mine]

    def add(self, counts: Ids) -> Ids:
        return counts

    def trainer_maker(
        self, backend: str, device: str, corpus_sha256: str, asked: Callable[[], bool]
    ) -> Callable[[Array, Config], Trainer]:
        from bigram.runs.records import make_trainer

        return lambda table, config: make_trainer(backend, table, config, device)

    def interrupted(self, trainer: Any, asked: Callable[[], bool]) -> bool:
        return asked()
