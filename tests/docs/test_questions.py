"""Proves that the answers in ``docs/questions.md`` are true: every example prints the shown result,
and the numbers outside the examples are computed again."""

import doctest
import re

import numpy as np

from tests.kit import ROOT

PAGE = ROOT / "docs" / "questions.md"


def read(name: str) -> str:
    """A page, its lines joined by single spaces."""
    return " ".join((ROOT / name).read_text(encoding="utf-8").split())


def test_every_example_prints_the_shown_result() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8")
    assert result.attempted > 40
    assert result.failed == 0


def test_every_question_has_an_answer_with_a_number() -> None:
    _, *answers = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(answers) >= 17
    for answer in answers:
        heading, _, text = answer.partition("\n")
        assert len(text.split()) > 15, heading


def test_the_best_h_is_where_the_page_says() -> None:
    u = 2.0**-53
    assert 4e-6 < u ** (1 / 3) < 6e-6
    assert 1e-8 < np.sqrt(u) * 1.01 < 1.1e-8
    assert 3e-3 < (2.0**-24) ** (1 / 3) < 5e-3


def test_what_right_code_uses_of_its_bound_is_the_number_on_the_evidence_page() -> None:
    used = re.findall(r"(?:NumPy|torch)[\w ]+ float64 [\d.]+ ([\d.]+)", read("docs/evidence.md"))
    most = max(map(float, used[:4]))  # the rows of the table of both implementations
    assert f"at most {most:.3g} of that in float64" in read("docs/questions.md")


def test_the_loss_without_the_mean_is_the_number_on_the_tolerances_page() -> None:
    losses = dict(
        re.findall(r"(right|sum instead of mean) +[\d,]+% ([\d.]+)", read("docs/tolerances.md"))
    )
    assert losses["right"] == losses["sum instead of mean"]
    assert f"{losses['right']} nats with 1 / N and without it" in read("docs/questions.md")


def test_the_times_are_those_of_the_tables() -> None:
    rows = re.findall(r"\| (NumPy|torch) \|((?:[^|]+\|){5})", read("README.md"))
    times = {side: [cell.strip() for cell in cells.split("|")] for side, cells in rows}
    share = re.search(r"\| torch, eager \| [^|]+\| [^|]+\| (\d+)% ", read("docs/speed.md"))
    assert share
    answer = read("docs/questions.md")
    assert f"plain step at 256 tokens, {times['torch'][3]}, {share[1]} % goes" in answer
    assert f"NumPy's plain step takes {times['NumPy'][3]}" in answer
    assert f"fastest takes {times['NumPy'][4]} in NumPy" in answer
    assert f"{times['torch'][4]} in torch, compiled" in answer
