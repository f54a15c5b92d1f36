"""Proves that a long run says how long it will be, once, and a short one does not."""

import pytest

from bigram.terminal import foretell


@pytest.mark.parametrize(
    ("seconds_a_step", "said"),
    [
        (0.0001, []),
        (0.01, []),  # 5,000 steps take 50 seconds
        (0.1, ["5,000 steps will take about 9 more minutes"]),
        (60, ["5,000 steps will take about 4,998 more minutes"]),
    ],
)
def test_a_long_run_says_how_long_it_will_be_and_once(seconds_a_step: float, said: list[str]) -> None:
    lines: list[str] = []
    now = 0.0
    on_step = foretell(5000, lines.append, clock=lambda: now)
    on_step(0)
    now = 1000.0  # the first step is slower than those that follow, and does not count
    for step in range(1, 5001):
        on_step(step)
        now += seconds_a_step
    assert lines == said
