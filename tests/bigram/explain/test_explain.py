"""Proves that every number ``bigram explain`` prints can be worked out again from numbers it
prints, that all are impl_numpy's and beside torch's, and that any short text is explained at any
width, and no other."""

import functools
import io
import itertools
import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from rich.cells import cell_len

from bigram.cli import main
from bigram.explain import record as explaining
from bigram.explain.record import LR, MOST_CHARACTERS, MOST_PAIRS
from bigram.explain.steps import character
from bigram.explain.text import examples, one_step, report
from common.errors import UserError
from common.pairs import count_pairs
from impl_numpy import cross_entropy, pair_counts, stepwise
from impl_numpy.adamw import AdamW
from tests.kit import HANG, ROOT
from tests.kit.terminal import at_terminal

TEXTS = ["hello", "mississippi", "aa", "ab", "a b\n\tc", "\U0001f600x\U0001f600"]
NUMBER = re.compile(r"(?<![\w.\[])\d+(?:\.\d+)?(?:e[+-]\d+)?(?![\w\]])")


explain = functools.cache(explaining.explain)


@pytest.fixture(scope="module")
def hello() -> dict:
    return explain("hello")


def step(record: dict, key: str) -> dict:
    return next(step for step in record["steps"] if step["key"] == key)


def evaluate(expression: str) -> float:
    code = expression.replace("×", "*").replace("^", "**")
    return eval(code, {"__builtins__": {}, "exp": math.exp, "log": math.log, "sqrt": math.sqrt})


def half_unit(number: str) -> float:
    """How far a number may be from the one it was rounded from. Integers and one decimal are
    exact."""
    mantissa, _, exponent = number.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 0.5 * 10.0 ** (int(exponent or 0) - decimals) if decimals > 1 else 0.0


def assert_recomputes(numbers: str, value: str) -> None:
    """The value is what the numbers make, but for what rounding each of them can change in it.
    ``lr``, the betas and the decay are exact too, but a reader cannot tell: they are few and
    small."""
    made, slack = evaluate(numbers), half_unit(value) or 5e-6 * abs(float(value))
    for match in NUMBER.finditer(numbers):
        for sign in (1, -1):
            moved = f"{float(match[0]) + sign * half_unit(match[0]):.17g}"
            changed = evaluate(numbers[: match.start()] + moved + numbers[match.end() :])
            slack += abs(changed - made) / 2
    assert abs(made - float(value)) <= slack * 1.001 + 1e-15, (numbers, value)


def entries(record: dict) -> Iterator[tuple[dict, tuple[int, ...], Any, Any]]:
    """Every entry of every step: its arithmetic, and its value as shown."""
    for step in record["steps"]:
        shown, made = np.array(step["shown"], dtype=object), np.array(step["entries"], dtype=object)
        for where in np.ndindex(*step["shape"]):
            if made[where]:
                yield step, where, made[where], shown[where]


def printed_equations(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The last two sides of every line with two sides of numbers in it."""
    for line in lines:
        *_, numbers, value = ["", "", *line.split(" = ")]
        if re.fullmatch(r"-?\d[\de.+-]*", value) and re.fullmatch(
            r"([\de.()+×/^ -]|exp|log|sqrt)+", numbers
        ):
            yield numbers, value


@pytest.mark.parametrize("text", TEXTS)
def test_every_entry_can_be_worked_out_from_what_is_shown(text: str) -> None:
    record = explain(text)
    count = 0
    for _, _, made, shown in entries(record):
        assert_recomputes(made["numbers"], shown)
        # on paper a sign does not follow an operator
        assert not re.search(r"[-+×/] ?-", made["numbers"])
        count += 1
    N, V = record["scalars"]["N"], record["V"]
    backward = 4 * N * V + 3 * N + 1 + V * V
    counted = V * V + V * len(set(record["idx"]))
    assert count == 4 * N * V + 3 * N + 1 + backward + 2 * N * V + counted + 7 * V * V


def test_the_report_prints_arithmetic_that_holds(hello: dict) -> None:
    lines = [str(line) for line in report(hello, 300)]
    equations = list(printed_equations(lines))
    assert len(equations) == 34
    for numbers, value in equations:
        assert_recomputes(numbers, value)


def test_a_wrong_number_would_be_noticed() -> None:
    assert_recomputes("0.1353 + 0.1108 + 1.0000 + 0.2019", "1.4480")
    for numbers, value in [
        ("0.1353 + 0.1108 + 1.0000 + 0.2019", "1.4485"),
        ("(2 × 0.6906 - 1) / 4", "-0.0953"),
        ("0.1 / (1 - 0.9^1) × 0.0095296 / 0.095296", "0.1010"),
        ("2.1 - 0.1", "2.1"),
    ]:
        with pytest.raises(AssertionError):
            assert_recomputes(numbers, value)


@pytest.mark.parametrize("text", ["hello", "mississippi", "aa"])
def test_the_sources_are_all_and_only_the_entries_that_matter(text: str) -> None:
    """Each is named in the arithmetic, and its own shown value stands there."""
    record = explain(text)
    shown = {s["key"]: np.array(s["shown"], dtype=object) for s in [record["W"], *record["steps"]]}
    names = {s["key"]: s["name"] for s in [record["W"], *record["steps"]]}
    for _, _, made, value in entries(record):
        said = re.findall(r"(softmax\(W\)|\w+)\[([\d, ]+)\]", made["names"])
        assert said == [(names[key], ", ".join(map(str, at))) for key, at in made["from"]]
        if made["numbers"] != value:  # else it is a copy, in the digits of the copy
            assert all(shown[key][tuple(at)] in made["numbers"] for key, at in made["from"])


@pytest.mark.parametrize("text", ["hello", "mississippi", "aa"])
def test_the_values_are_those_of_impl_numpy(text: str) -> None:
    record = explain(text)
    W = np.array(record["W"]["value"])
    idx, targets = (np.array(record[name]) for name in ("idx", "targets"))
    values = stepwise.forward(W, idx, targets)
    gradients = stepwise.backward(W, idx, targets, values)
    C = count_pairs(idx, targets, len(W))
    expected = values | {f"d{name}": gradient for name, gradient in gradients.items()}
    expected["p"] = cross_entropy.cross_entropy(W[idx], targets)[1]
    expected["dlogits_fused"] = cross_entropy.cross_entropy_backward(expected["p"], targets)
    expected |= {"C": C, "n": C.sum(axis=1)}
    expected["dW_counts"] = pair_counts.loss_and_gradient_of_counts(W, C)[1]
    after = W.copy()
    optimizer = AdamW(after, lr=LR)
    g = pair_counts.loss_and_gradient(W, idx, targets)[1]
    optimizer.step(after, g)
    expected |= {
        "g": g,
        "W_after": after,
        "exp_avg": optimizer.exp_avg,
        "exp_avg_sq": optimizer.exp_avg_sq,
    }
    for key, value in expected.items():
        assert np.array_equal(step(record, key)["value"], value), key
    # What the optimizer overwrites on its way leads where it went.
    decayed, update = (np.array(step(record, key)["value"]) for key in ("decayed", "update"))
    assert abs(decayed - update - after).max() <= 4 * np.finfo(float).eps * max(1, abs(after).max())
    assert np.array_equal(W, W.round(1))


def test_torchs_values_stand_beside_ours(hello: dict) -> None:
    pytest.importorskip("torch")
    compared = [s for s in hello["steps"] if s["torch"]]
    keys = [s["key"] for s in hello["steps"] if s["part"] in ("forward", "backward")]
    assert [s["key"] for s in compared] == [*keys, "exp_avg", "exp_avg_sq", "W_after"]
    for s in compared:
        assert s["torch"]["fraction_of_bound"] <= 1
        difference = abs(np.array(s["torch"]["value"]) - np.array(s["value"])).max()
        assert difference == s["torch"]["max_abs"]
        assert s["torch"]["exact"] == (difference == 0)
    for row in [*hello["agreement"].values(), *hello["training"]["torch"].values()]:
        assert row["fraction_of_bound"] <= 1


def test_a_wrong_gradient_is_not_called_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    right = stepwise.exponential_backward
    monkeypatch.setattr(stepwise, "exponential_backward", lambda de, e: right(de, e) * (1 + 1e-12))
    record = explaining.explain("hello")
    assert step(record, "de")["torch"]["fraction_of_bound"] <= 1
    assert step(record, "dz")["torch"]["fraction_of_bound"] > 1
    assert record["agreement"]["collapse"]["fraction_of_bound"] > 1


def test_the_row_that_is_looked_up_twice_is_shown_adding_up(hello: dict) -> None:
    lines = [str(line) for line in report(hello, 80)]
    start = lines.index("l is looked up twice, so row 2 of dW is the sum of 2 rows of dlogits:")
    rows = {line.split()[0]: line.split()[1:] for line in lines[start + 3 : start + 7]}
    assert list(rows) == ["dlogits[2]", "dlogits[3]", "───────", "dW[2]"]
    assert rows.pop("───────") == ["───────"] * 3
    numbers = {name: [float(x) for x in row] for name, row in rows.items()}
    for first, second, both in zip(*numbers.values(), strict=True):
        assert both == pytest.approx(first + second, abs=1.5e-4)
    three = "\n".join(map(str, report(explain("aaab"), 80)))
    assert "a is looked up 3 times, so row 0 of dW is the sum of 3 rows of dlogits:" in three
    assert "No character is looked up twice here" in "\n".join(map(str, report(explain("abc"), 80)))


def test_training_goes_to_the_counts_own_frequencies(hello: dict) -> None:
    training = hello["training"]
    assert len(training["loss"]) == training["steps"] + 1 == len(training["p"])
    assert training["loss"][0] == pytest.approx(step(hello, "loss")["value"], abs=1e-4)
    assert training["p"][0] == np.round(step(hello, "softmax")["value"], 4).tolist()
    assert training["dW"][0] == np.round(step(hello, "dW")["value"], 4).tolist()
    assert training["W"][0] == hello["W"]["value"]
    assert training["W"][1] == np.round(step(hello, "W_after")["value"], 4).tolist()
    assert training["optimum"] == 0.3466  # half of the pairs are l-l and l-o: log(2) / 2
    assert training["optimum"] < training["loss"][-1] < training["optimum"] + 0.01
    assert training["frequencies"] == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0.5, 0.5], None]
    for p, frequencies in zip(training["p"][-1], training["frequencies"], strict=True):
        if frequencies:
            assert abs(np.array(p) - frequencies).max() < 0.01
    assert abs(np.array(training["dW"][-1])).max() < abs(np.array(training["dW"][0])).max() / 50


@pytest.mark.parametrize(
    "text",
    ["hello", "abcdefghij", "a\nb \\\U0001f600\ud800\u202e", "aa", "床前明月光疑是地上床", "שלום"],
)
def test_nothing_is_wider_than_asked_and_nothing_is_lost(text: str) -> None:
    record = explain(text)
    widest = " ".join(map(str, report(record, 300)))
    for width in (40, 80, 120):
        lines = [str(line) for line in report(record, width)]
        assert max(map(cell_len, lines)) <= width
        # Blocks of columns repeat the labels of rows, so the decimals are counted.
        for shown in (r"-?\d+\.\d{4}\b", r"-?\d+\.\d\b"):
            assert sorted(re.findall(shown, " ".join(lines))) == sorted(
                re.findall(shown, widest)
            ), width


def test_one_step_writes_every_entry_out_and_shows_its_code(hello: dict) -> None:
    lines = [str(line) for line in one_step(hello, "dz", 100)]
    assert (
        len([line for line in lines if line.startswith("dz[") and "×" in line and "k" not in line])
        == 16
    )
    assert "    def exponential_backward(de: Array, e: Array) -> Array:" in lines
    for part, keys in {
        "collapse": ["p", "dlogits"],
        "adamw": ["g", "decayed", "exp_avg", "W"],
    }.items():
        printed = "\n".join(["", *map(str, one_step(hello, part, 100))])
        assert all(f"\n{key}  (4, 4)" in printed for key in keys)
    with pytest.raises(
        UserError, match=r"^there is no step 'W'; there are logits, z, .*, counts, adamw$"
    ):
        list(one_step(hello, "W", 80))


def test_every_step_says_where_it_is_computed(hello: dict) -> None:
    for s in hello["steps"]:
        for code in s["code"]:
            line = (ROOT / code["file"]).read_text(encoding="utf-8").splitlines()[code["line"] - 1]
            assert f"def {code['function'].rpartition('.')[2]}(" in line


def test_the_examples_are_the_target_and_another_of_the_row_used_most(hello: dict) -> None:
    assert examples(hello, step(hello, "dz")) == [[2, 2], [2, 0]]  # l-l and l-e
    assert examples(hello, step(hello, "dW")) == [[2, 2], [2, 0]]
    assert examples(hello, step(hello, "s")) == [[2]]
    assert examples(explain("aa"), step(explain("aa"), "dz")) == [[0, 0]]


def test_characters_are_shown_as_themselves_where_they_can_be_seen_alone() -> None:
    themselves = dict.fromkeys("aé字שع\U0001f600")
    shown = {ch: ch for ch in themselves}
    shown |= {" ": "␣", "␣": "\\u2423", "\\": "\\\\", "\n": "\\n", "\u0301": "\\u0301"}
    shown |= {"\ud800": "\\ud800", "\x7f": "\\x7f", "\u202e": "\\u202e", "\u2068": "\\u2068"}
    assert {ch: character(ch) for ch in shown} == shown


@pytest.mark.parametrize("text", ["床前床a", "שלום", "سلام1"])
def test_characters_that_the_encoding_lacks_are_escaped_and_others_can_be_pasted_back(
    text: str,
) -> None:
    record = explain(text)
    assert str(next(report(record, 80, "utf-8"))) == text
    escaped = "".join(ch if ch.isascii() else ch.encode("unicode_escape").decode() for ch in text)
    lines = [str(line) for line in report(record, 80, "ascii")]
    assert lines[0] == escaped
    assert not any(
        ch in line for line in lines for ch in {*text, "\u2068", "\u2069"} if not ch.isascii()
    )


def test_the_encoding_is_that_of_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, shown in (
        ("ascii", b"\\u5e8a\\u524d"),
        ("utf-8", "床前".encode()),
        ("gbk", "床前".encode("gbk")),
    ):
        stdout = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
        monkeypatch.setattr(sys, "stdout", stdout)
        assert main(["explain", "床前", "--width", "80"]) == 0
        stdout.flush()
        assert stdout.buffer.getvalue().splitlines()[0] == shown


def test_wide_characters_keep_their_columns() -> None:
    """Every row of a matrix ends in the same column of the terminal as its heading."""
    lines = [str(line) for line in report(explain("床前床a"), 80, "utf-8")]
    start = next(i for i, line in enumerate(lines) if line.startswith("W  (3, 3)"))
    assert [cell_len(line) for line in lines[start + 1 : start + 5]] == [23] * 4
    assert lines[start + 1].split() == ["i", "0", "a", "1", "前", "2", "床"]
    assert lines[start + 3].startswith("1  前  ")
    assert lines[start + 2].startswith("0  a    ")


def test_characters_from_right_to_left_do_not_turn_the_numbers_around() -> None:
    """Each is isolated, but for the text itself; where the encoding has no isolates it stands as it
    is."""
    lines = [str(line) for line in report(explain("שלום"), 80, "utf-8")]
    assert not any(re.search("(?<!\u2068)[א-ת]|[א-ת](?!\u2069)", line) for line in lines[1:])
    assert any("\u2068ש\u2069→\u2068ל\u2069" in line for line in lines)
    assert str(next(report(explain("שלום"), 80, "cp1255"))) == "שלום"
    assert "\u2068" not in "".join(map(str, report(explain("שלום"), 80, "cp1255")))


@pytest.mark.parametrize(
    ("text", "reached"), [("hello", False), ("ab", False), ("aa", True), ("aabba", True)]
)
def test_an_optimum_with_a_probability_of_0_is_approached_and_not_reached(
    text: str, reached: bool
) -> None:
    printed = " ".join(map(str, report(explain(text), 300)))
    assert ("It is reached where" in printed) == reached
    assert "-0.0000 " not in printed
    assert ("It is approached, not reached:" in printed) == (not reached)
    pairs = {(a, b) for a, b in itertools.pairwise(text)}
    assert reached == (pairs == set(itertools.product({a for a, _ in pairs}, set(text))))


def test_a_table_can_be_given() -> None:
    table = np.array(explain("hello")["W"]["value"])
    table[2, 1] = 3
    record = explaining.explain("hello", table)
    assert record["W"]["value"] == table.tolist()
    assert step(record, "logits")["value"] == table[record["idx"]].tolist()
    assert "It is given, with one decimal" in " ".join(map(str, report(record, 80)))
    for _, _, made, shown in entries(record):
        assert_recomputes(made["numbers"], shown)
    assert (
        explaining.explain("hello", np.array(explain("hello")["W"]["value"]))["steps"]
        == explain("hello")["steps"]
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the text is empty; a pair takes at least two: try bigram explain hello"),
        ("a", "the text has one character; a pair takes at least two: try bigram explain hello"),
        ("ab" * 11, "take less of it, such as ababababababababababa"),
        ("abcdefghij\nk", "the text has 11 pairs of 12 distinct characters, .* such as abcdefghij"),
    ],
)
def test_a_text_too_short_or_too_long_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=rf"{message}$") as error:
        explain(text)
    assert "\n" not in str(error.value)


def test_the_longest_text_is_explained() -> None:
    text = "abcdefghijjihgfedcbaa"
    assert len(text) == MOST_PAIRS + 1
    assert len(set(text)) == MOST_CHARACTERS
    assert explain(text)["scalars"]["N"] == MOST_PAIRS


def test_the_command_explains_hello_without_colour_in_a_pipe(
    hello: dict, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["explain"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("hello\n\n5 characters, 4 of them distinct, and 4 pairs: ")
    assert printed == "".join(f"{line}\n" for line in report(hello, 80))


def test_json_is_the_whole_record(hello: dict, capsys: pytest.CaptureFixture) -> None:
    assert main(["explain", "hello", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == hello


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["a"], "bigram: the text has one character; "),
        (["--step", "oops"], "bigram: there is no step 'oops'; there are logits, "),
        (["--width", "39"], "bigram: --width is 39; the matrices need at least 40"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    args: list[str], error: str, capsys: pytest.CaptureFixture
) -> None:
    assert main(["explain", *args]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(error)
    assert len(printed.err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_a_terminal_gets_colour_unless_it_asks_for_none(no_color: str) -> None:
    code = "import sys; sys.modules['torch'] = None; from bigram.cli import main; main()"
    command = [sys.executable, "-c", code, "explain", "ab", "--step", "dloss"]
    _, printed, _ = at_terminal(command, "stdout", NO_COLOR=no_color)
    colours = [
        int(code)
        for codes in re.findall(rb"\x1b\[([\d;]*)m", printed)
        for code in codes.split(b";")
        if code
    ]
    assert any(30 <= code <= 37 for code in colours) == (not no_color)


def test_without_torch_its_column_is_left_out_and_said_so() -> None:
    code = "import sys; sys.modules['torch'] = None; from bigram.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "explain", "hello"]
    result = subprocess.run(
        command,
        capture_output=True,
        encoding="utf-8",
        timeout=HANG,
        env=os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert " ".join(lines[5:8]).endswith(" torch is not installed, so its values are left out.")
    pytest.importorskip("torch")
    with_torch = [str(line) for line in report(explain("hello"), 80)]
    torchs = ("torch: ", "torch's AdamW", "each of them, with")
    assert lines[8:] == [line for line in with_torch[7:] if not line.startswith(torchs)]
