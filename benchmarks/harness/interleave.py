"""Measures a group of contenders in turn, round by round, so that whatever else the machine is doing falls on
all of them alike; and gates them: a figure is only given to a contender whose results were right on the very
arrays it was timed on, before and after.

pytest-benchmark times one test after the other. So a group is measured when the first of its rows is asked
for, and each row then plays its own rounds to pytest-benchmark on a clock that stands still in between.
"""

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_ROUNDS = 15


class Unavailable(Exception):
    """Why a contender cannot be measured here, in one line."""


@dataclass
class Job:
    """One contender, ready to run."""

    run: Callable[[int], object]  # makes call i, on the i-th of the group's inputs, which come round again
    result: Callable[[], Any]  # what the calls so far have led to, for the group's check
    wait: Callable[[], object] = lambda: None  # until a device has done all it was given
    info: dict[str, Any] = field(default_factory=dict)  # said beside the figure


@dataclass
class Group:
    """Contenders for the same work."""

    jobs: dict[str, Callable[[], Job]]  # made only now; may raise ``Unavailable``
    check: Callable[[str, Any, int], None]  # name, result after so many calls; raises AssertionError
    inputs: int  # how many inputs there are
    seconds: float  # to be spent on the rounds, about
    info: dict[str, Any] = field(default_factory=dict)
    most_calls: int = 10**6  # in a round: where a run may not grow longer than its bound was measured for
    once: bool = False  # one call is one round and there is no other, and no warm-up
    close: Callable[[], object] = lambda: None


@dataclass
class Outcome:
    """What became of one contender."""

    seconds: list[float] = field(default_factory=list)  # for one call, one number a round
    info: dict[str, Any] = field(default_factory=dict)
    unavailable: str = ""
    problem: Exception | None = None


def measure(group: Group, fewest_rounds: int) -> dict[str, Outcome]:
    """Every contender: built, warmed up and checked on all inputs, timed in turn, and checked again.

    All of them make the same number of calls in a round, and so in the end the same steps in all.
    """
    gc.collect()
    gc.disable()  # as timeit does: nobody pays for another's garbage
    try:
        return _measure(group, fewest_rounds)
    finally:
        gc.enable()
        group.close()


def _measure(group: Group, fewest_rounds: int) -> dict[str, Outcome]:
    outcomes = {name: Outcome(info=dict(group.info)) for name in group.jobs}
    jobs: dict[str, Job] = {}
    one_call = 0.0  # of each, together
    for name, build in group.jobs.items():
        try:
            job = build()
            if not group.once:
                one_call += min(_checked(group, name, job))
            jobs[name] = job
            outcomes[name].info |= job.info
        except Unavailable as reason:
            outcomes[name].unavailable = str(reason)
        except Exception as problem:  # its row fails with it, and the others are measured all the same
            outcomes[name].problem = problem

    rounds, calls, made = 1, 1, 0
    if not group.once and jobs:
        rounds = max(fewest_rounds, min(MOST_ROUNDS, int(group.seconds / one_call)))
        calls = max(1, min(group.most_calls, int(group.seconds / one_call / rounds)))
        made = group.inputs
    # Round -1 is one more to warm up, and not kept; where a call takes seconds the first ones have done that.
    for number in range(0 if group.once or one_call > group.seconds else -1, rounds):
        for name in _turned(jobs, number):
            seconds = timed(jobs[name], range(made, made + calls))
            if number >= 0:
                outcomes[name].seconds.append(seconds / calls)
        made += calls

    for name, job in jobs.items():
        outcomes[name].info |= {"calls_a_round": calls, "warmup_calls": made - rounds * calls}
        try:
            group.check(name, job.result(), made)
        except Exception as problem:
            outcomes[name].problem = problem
    return outcomes


def timed(job: Job, calls: range) -> float:
    """Seconds for these calls."""
    run = job.run
    job.wait()
    start = time.perf_counter()
    for i in calls:
        run(i)
    job.wait()
    return time.perf_counter() - start


def _checked(group: Group, name: str, job: Job) -> Iterator[float]:
    # Each input once, what comes of it checked before the next, and the seconds it took.
    for i in range(group.inputs):
        yield timed(job, range(i, i + 1))
        group.check(name, job.result(), i + 1)


def _turned(jobs: dict[str, Job], number: int) -> list[str]:
    # Nobody always comes first, or always after the same neighbour's use of the caches' last line.
    names = list(jobs)
    start = number % len(names) if names else 0
    return names[start:] + names[:start]


class Replay:
    """A clock that moves only when told."""

    __name__ = "replay"

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


CLOCK = Replay()


def replay(benchmark: Any, seconds: list[float]) -> None:
    """Tells pytest-benchmark of rounds measured before. The test must be marked with ``timer=CLOCK``."""
    remaining = iter(seconds)
    benchmark.pedantic(lambda: CLOCK.advance(next(remaining, 0.0)), rounds=len(seconds))
