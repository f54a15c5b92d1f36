"""Measures a group of contenders in turn, round by round, so that other work on the machine slows
all of them alike; and gates them: a contender has a figure only if its results were right on the
arrays it was timed on, before and after.

pytest-benchmark times one test after the other. So the first test of a group measures the whole
group, and each test replays its own rounds to pytest-benchmark on a clock that stands still in
between.
"""

import contextlib
import gc
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

MOST_ROUNDS = 15


class Unavailable(Exception):
    """Why a contender cannot be measured here, in one line."""


@dataclass
class Job:
    """One contender, ready to run."""

    # makes call i, on the i-th of the group's inputs, which come round again
    run: Callable[[int], object]
    result: Callable[[], Any]  # the outcome of the calls so far, for the group's check
    wait: Callable[[], object] = lambda: None  # until a device has finished
    info: dict[str, Any] = field(default_factory=dict)  # published beside the figure


def last_result(compute: Callable[[int], Any], **info: Any) -> Job:
    """A job whose result is the value of its last call."""
    last: list[Any] = [None]

    def run(i: int) -> None:
        last[0] = compute(i)

    return Job(run, lambda: last[0], info=info)


@contextlib.contextmanager
def compiling() -> Iterator[dict[str, Any]]:
    """Around the first call of a compiled function: the record it yields gets
    ``compile_seconds``."""
    info: dict[str, Any] = {}
    start = time.perf_counter()
    yield info
    info["compile_seconds"] = time.perf_counter() - start


@dataclass
class Group:
    """Contenders for the same work."""

    build: Callable[[str], Job]  # called when the group is measured; may raise ``Unavailable``
    # name, result after so many calls; raises AssertionError
    check: Callable[[str, Any, int], None]
    inputs: int  # number of inputs
    seconds: float  # for all rounds together, about
    info: dict[str, Any] = field(default_factory=dict)
    most_calls: int = 10**6  # in a round: a bound measured for short runs limits their length
    once: bool = False  # a single round of one call, without warm-up
    close: Callable[[], object] = lambda: None


@dataclass
class Outcome:
    """The measurement of one contender, or the reason why there is none."""

    seconds: list[float] = field(default_factory=list)  # of one call; one number a round
    info: dict[str, Any] = field(default_factory=dict)
    unavailable: str = ""
    problem: Exception | None = None


def measure(group: Group, forms: Sequence[str], fewest_rounds: int) -> dict[str, Outcome]:
    """Builds every contender, warms it up, checks it on all inputs, times it in turn, and checks it
    again.

    All make the same number of calls a round, so all end after the same number of steps.
    """
    gc.collect()
    gc.disable()  # as timeit does: no contender pays for another's garbage
    try:
        return _measure(group, forms, fewest_rounds)
    finally:
        gc.enable()
        group.close()


def _measure(group: Group, forms: Sequence[str], fewest_rounds: int) -> dict[str, Outcome]:
    outcomes = {name: Outcome(info=dict(group.info)) for name in forms}
    jobs: dict[str, Job] = {}
    one_call = 0.0  # of each, together
    for name in forms:
        try:
            job = group.build(name)
            if not group.once:
                one_call += min(_checked(group, name, job))
            jobs[name] = job
            outcomes[name].info |= job.info
        except Unavailable as reason:
            outcomes[name].unavailable = str(reason)
        except Exception as problem:  # its row fails, and the others are still measured
            outcomes[name].problem = problem

    rounds, calls, made = 1, 1, 0
    if not group.once and jobs:
        rounds = max(fewest_rounds, min(MOST_ROUNDS, int(group.seconds / one_call)))
        calls = max(1, min(group.most_calls, int(group.seconds / one_call / rounds)))
        made = group.inputs
    # Round -1 warms up and is dropped; where a call takes seconds, the checks have warmed up.
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
            outcomes[name].problem, outcomes[name].seconds = problem, []
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
    # Each input once, its result checked before the next call; the seconds of each call.
    for i in range(group.inputs):
        yield timed(job, range(i, i + 1))
        group.check(name, job.result(), i + 1)


def _turned(jobs: dict[str, Job], number: int) -> list[str]:
    # The order turns, so that no contender is always first.
    names = list(jobs)
    start = number % len(names) if names else 0
    return names[start:] + names[:start]


class Replay:
    """A clock that moves only in ``advance``."""

    __name__ = "replay"

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


CLOCK = Replay()


def replay(benchmark: Any, seconds: list[float]) -> None:
    """Reports rounds measured before to pytest-benchmark, whose timer is ``CLOCK``."""
    remaining = iter(seconds)
    benchmark.pedantic(lambda: CLOCK.advance(next(remaining, 0.0)), rounds=len(seconds))
