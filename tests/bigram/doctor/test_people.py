"""Proves what the doctor says of other people's code, as ``docs/evidence.md`` has it: no false
name, no wrong code missed, no right code called wrong, and most mistakes named. And that the scorer
which counts this can tell each kind of answer from the others."""

import math

import pytest

from tests.bigram.doctor import test_no_alarm
from tests.kit import ROOT, people
from tests.kit.people import FOLDER, RIGHT, WRONG, Truth, head, outcome
from tools import refresh

# The answers that are false, missed or an alarm still, and why: none may join them.
OPEN = {
    "unstable_mean_subtracted": "autograd's mean rounds entries of tiny p by 1e-17: called wrong",
}
BAD = ("false", "missed", "alarm")


ONE = Truth([["eps inside the log, 4e-5", "another name"]], ["true as well"])
TWO = Truth([["transposed"], ["off by a factor, 64"]], [])


@pytest.mark.parametrize(
    ("expected", "kind", "truth", "verdict", "names"),
    [
        ("named", "wrong", ONE, "wrong", ["eps inside the log, 4.0001e-05"]),
        ("named", "wrong", ONE, "wrong", ["another name", "true as well"]),
        ("false", "wrong", ONE, "wrong", ["eps inside the log, 4.1e-5"]),
        ("false", "wrong", ONE, "wrong", ["eps inside the log"]),
        ("false", "wrong", ONE, "wrong", ["eps inside the log, 4e-5, of exponentials"]),
        ("false", "wrong", ONE, "wrong", ["another name", "transposed"]),
        ("false", "wrong", Truth([[]], []), "wrong", ["transposed"]),
        ("false", "unstable", ONE, "wrong", ["transposed"]),
        ("in part", "wrong", ONE, "wrong", ["true as well"]),
        ("in part", "wrong", TWO, "wrong", ["off by a factor, 64"]),
        ("in part", "wrong", Truth([[], ["transposed"]], []), "wrong", ["transposed"]),
        ("named", "wrong", TWO, "wrong", ["off by a factor, 64", "transposed"]),
        ("described", "wrong", ONE, "wrong", []),
        ("missed", "wrong", ONE, "correct", []),
        ("missed", "wrong", ONE, "unstable", ["another name"]),
        ("missed", "unstable", ONE, "wrong", ["another name"]),
        ("named", "unstable", ONE, "unstable", ["another name"]),
        ("alarm", "right", Truth([], []), "unstable", []),
        ("right", "right", Truth([], []), "correct", []),
    ],
)
def test_the_scorer_tells_the_kinds_of_answers_apart(
    expected: str, kind: str, truth: Truth, verdict: str, names: list[str]
) -> None:
    assert outcome(kind, truth, verdict, names) == expected


def test_a_note_may_say_the_second_mistake() -> None:
    truth = Truth([["temperature left in, 1.7"], ["the derivative is missing"]], [])
    names = ["temperature left in, 1.7"]
    assert outcome("wrong", truth, "wrong", names, ["the derivative is missing"]) == "named"
    assert outcome("wrong", truth, "wrong", names, ["something else"]) == "in part"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("gradients_wrong/scaled_before_the_onehot", "named"),
        ("gradients_wrong/two_bits_and_sum", "named"),
        ("gradients_wrong/accumulated_in_float16", "described"),
        ("gradients_wrong/brier", "named"),  # in loss and gradient, and said once
        ("gradients_wrong/pair_key_overflow", "described"),  # seen on a large case alone
        ("gradients_right/numpy_add_at", "right"),
        ("optimizers_wrong/betas_unpacked_backwards", "named"),
    ],
)
def test_some_files_have_the_outcome_of_the_page(path: str, expected: str) -> None:
    row = people.judged(FOLDER / f"{path}.py")
    assert row.outcome == expected
    folder, stem = path.split("/")
    committed = people.results()[folder][stem]
    assert committed == {"verdict": row.verdict, "outcome": expected, "names": row.names}


@pytest.mark.parametrize("folder", WRONG)
def test_every_wrong_file_has_its_truth(folder: str) -> None:
    entries = people.entries()[folder]
    assert {path.stem for path in (FOLDER / folder).glob("*.py")} == set(entries)
    for stem, mistakes in entries.items():
        joined = head(FOLDER / folder / f"{stem}.py")["names"].count(" + ")
        assert 1 <= len(mistakes) <= 2
        assert len(mistakes) == 1 or joined or stem in ("bce_with_logits_mean", "betas_constant")


def test_the_page_is_made_of_the_committed_results() -> None:
    found = people.results()
    for folder in (*WRONG, *RIGHT):
        assert set(found[folder]) <= {path.stem for path in (FOLDER / folder).glob("*.py")}
    assert all(set(found[folder]) == set(people.entries()[folder]) for folder in WRONG)
    assert refresh.blocks()[people.BLOCK] == people.tables(found)
    assert people.sentence(found) in people.PAGE.read_text(encoding="utf-8")
    rows = [row["outcome"] for folder in WRONG for row in found[folder].values()]
    said = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"of {len(rows)} wrong gradients and optimizers" in said
    assert f"and {rows.count('named')} are named" in said


def test_the_page_counts_the_random_right_code() -> None:
    page = " ".join(people.PAGE.read_text(encoding="utf-8").split())
    gradients, runs = (2 * count for count in (test_no_alarm.GRADIENTS, test_no_alarm.RUNS))
    assert f"Of {gradients:,} random right gradients and {runs:,} runs of right optimizers" in page


def test_the_bad_answers_on_the_page_are_those_that_are_known() -> None:
    rows = [(stem, row) for of in people.results().values() for stem, row in of.items()]
    assert {stem for stem, row in rows if row["outcome"] in BAD} == set(OPEN)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the code that is judged
@pytest.mark.parametrize("folder", [*WRONG, *RIGHT])
def test_other_peoples_code_is_judged_as_the_page_says(folder: str) -> None:
    rows = people.judged_all(people.files_of(folder))
    assert {row.path.stem for row in rows if row.outcome in BAD} <= set(OPEN)
    if folder in RIGHT:
        assert len(rows) >= 30
        return
    assert len(rows) == len(people.entries()[folder])
    named = sum(row.outcome == "named" for row in rows)
    committed = people.counts(people.results(), folder)["named"]
    assert named >= min(committed, math.ceil(0.7 * len(rows)))
