"""Proves that the answers in ``docs/questions.md`` are true: every example prints the shown result,
and the numbers outside the examples are computed again."""

import doctest
import re

import numpy as np

from tests.kit import ROOT

PAGE = ROOT / "docs" / "questions.md"


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
