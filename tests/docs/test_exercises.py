"""Proves that the exercises can be done and are judged well: each stub says that it is one, each becomes
right with a solution, and each common mistake is told by its name. The solutions are here: look later."""

import functools
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bigram.doctor import gradient, subject
from bigram.doctor.interfaces import GradientCall, GradientSubject
from bigram.doctor.optimizer import check_optimizer, judge_optimizer, optimizer_runs
from bigram.doctor.optimizer_forms import OptimizerRun, OptimizerSubject
from bigram.doctor.report import check_report
from common.pairs import count_pairs
from docs.exercises import check_bound
from tests.kit import ROOT

FOLDER = ROOT / "docs" / "exercises"
STUB = re.compile(r"^( +)raise NotImplementedError\(\"(.+)\"\)$", re.MULTILINE)
COMMAND = re.compile(
    r"^    (bigram check|python docs/exercises/check_bound\.py) (.*mine/(\w+\.py):(\w+).*)$", re.M
)

Z = "z = logits - logits.max(axis=1, keepdims=True)\n"
E = Z + "e = np.exp(z)\n"
LOGP = Z + "logp = (z - np.log(np.exp(z).sum(axis=1, keepdims=True)))[np.arange(len(targets)), targets]\n"
D = "d = p.copy()\nd[np.arange(len(targets)), targets] -= 1\n"
SCATTER = "dW = np.zeros((vocab_size, vocab_size), dlogits.dtype)\n"
COUNTS = """
n, N = C.sum(axis=1, keepdims=True), C.sum()
z = W - W.max(axis=1, keepdims=True)
logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
"""
DECAY = "W *= 1 - self.lr * self.weight_decay\n"
STEP = """
beta1, beta2 = self.betas
self.t += 1
W *= 1 - self.lr * self.weight_decay
self.m = beta1 * self.m + (1 - beta1) * dW
self.v = beta2 * self.v + (1 - beta2) * dW**2
root = np.sqrt(self.v / (1 - beta2**self.t))
W -= self.lr * self.m / (1 - beta1**self.t) / (root + self.eps)
"""
BOUND = """
S = (n * p + C) / N
mean = (p * abs(z)).sum(axis=1, keepdims=True)
return u * S * (abs(z) + mean + abs(logp) + n + 32) + 4 * tiny * n / N
"""

SOLUTIONS = {
    "1_softmax.py": E + "return e / e.sum(axis=1, keepdims=True)",
    "2_loss.py": LOGP + "return -logp.mean()",
    "3_dlogits.py": D + "return d / len(targets)",
    "4_scatter_add.py": SCATTER + "np.add.at(dW, idx, dlogits)\nreturn dW",
    "5_counts.py": COUNTS + "return -(C * logp).sum() / N, (n * np.exp(logp) - C) / N",
    "6_adamw.py": STEP,
    "7_bound.py": BOUND,
}
OTHER_SOLUTIONS = [  # as right as the first, and written otherwise
    ("4_scatter_add.py", SCATTER + "for i, d in zip(idx, dlogits):\n    dW[i] += d\nreturn dW"),
    ("4_scatter_add.py", "return np.eye(vocab_size, dtype=dlogits.dtype)[idx].T @ dlogits"),
    ("2_loss.py", LOGP + "return -sum(logp) / len(logp)"),
]

MISTAKES = [
    ("1_softmax.py", "e = np.exp(logits - logits.max())\nreturn e / e.sum()", "softmax over the whole batch"),
    ("1_softmax.py", E + "return e / e.sum(axis=0)", None),  # one axis here, the other there
    (
        "1_softmax.py",
        "e = np.exp(logits - logits.max(axis=0))\nreturn e / e.sum(axis=0)",
        "softmax over the wrong axis",
    ),
    (
        "1_softmax.py",
        "with np.errstate(all='ignore'):\n"
        "    e = np.exp(logits)\n    return e / e.sum(axis=1, keepdims=True)",
        "maximum not subtracted",
    ),
    ("1_softmax.py", "return 0.5 * (1 + np.tanh(logits / 2))", "sigmoid instead of softmax"),
    ("2_loss.py", LOGP + "return -logp.sum()", "loss summed, not averaged"),
    ("2_loss.py", LOGP + "return logp.mean()", "sign of the loss flipped"),
    ("2_loss.py", LOGP + "return -logp.mean() / np.log(2)", "loss in bits"),
    ("2_loss.py", LOGP + "return -np.log(np.exp(logp).mean())", "log of the mean probability"),
    ("2_loss.py", LOGP + "return -np.log(np.exp(logp) + 1e-8).mean()", "eps inside the log of the loss"),
    (
        "2_loss.py",
        E + "p = e / e.sum(axis=1, keepdims=True)\nwith np.errstate(all='ignore'):\n"
        "    return -np.log(p[np.arange(len(targets)), targets]).mean()",
        "logarithm of an underflowed probability",
    ),
    ("3_dlogits.py", D + "return d", "sum instead of mean"),
    ("3_dlogits.py", D + "return d / d.size", "off by a factor of V"),
    ("3_dlogits.py", D + "return -d / len(targets)", "sign flipped"),
    ("3_dlogits.py", "return p / len(targets)", "one-hot not subtracted"),
    ("3_dlogits.py", D + "return d * p * (1 - p) / len(targets)", "times p (1 - p)"),
    (
        "3_dlogits.py",
        D + "d /= len(targets)\nreturn p * (d - (p * d).sum(axis=1, keepdims=True))",
        "softmax Jacobian applied twice",
    ),
    ("4_scatter_add.py", SCATTER + "dW[idx] += dlogits\nreturn dW", "repeated ids lost"),
    ("4_scatter_add.py", SCATTER + "np.add.at(dW.T, idx, dlogits)\nreturn dW", "transposed"),
    (
        "4_scatter_add.py",
        SCATTER + "for i in range(vocab_size - 1):\n    dW[i] = dlogits[idx == i].sum(axis=0)\nreturn dW",
        "last character's row never written",
    ),
    (
        "4_scatter_add.py",
        SCATTER + "for i in set(idx.tolist()):\n    dW[i] = dlogits[idx == i].mean(axis=0)\nreturn dW",
        "averaged over repeated ids",
    ),
    ("5_counts.py", COUNTS + "return -(C * logp).sum() / N, n * np.exp(logp) - C", "sum instead of mean"),
    (
        "5_counts.py",
        COUNTS + "return -(C * logp).sum() / N, (np.maximum(n, 1) * np.exp(logp) - C) / N",
        "unvisited rows not zero",
    ),
    (
        "5_counts.py",
        COUNTS + "return -(C * logp).sum() / N, (np.exp(logp) - C / np.maximum(n, 1)) * (n > 0) / N",
        "averaged over repeated ids",
    ),
    (
        "5_counts.py",
        COUNTS + "return -(C * logp).sum(), (n * np.exp(logp) - C) / N",
        "loss summed, not averaged",
    ),
    ("6_adamw.py", STEP.replace("W *= 1 - self.lr *", "W *= 1 -"), "decay not times lr"),
    ("6_adamw.py", STEP.replace(DECAY, ""), "no decay"),
    ("6_adamw.py", STEP.replace(DECAY, "") + DECAY, "decay after the update"),
    ("6_adamw.py", STEP.replace("(1 - beta1) * dW", "dW"), "gradient not damped"),
    ("6_adamw.py", STEP.replace("self.betas\n", "self.betas[::-1]\n"), "betas swapped"),
    ("6_adamw.py", STEP.replace(" / (1 - beta1**self.t)", ""), "first moment not corrected"),
    (
        "6_adamw.py",
        STEP.replace("self.t))\n", "self.t) + self.eps)\n").replace("(root + self.eps)", "root"),
        "eps inside the root",
    ),
    ("6_adamw.py", STEP.replace("W -=", "W +="), "uphill"),
    ("6_adamw.py", STEP.replace("self.t += 1", "self.t = 1"), "t never raised"),
    ("7_bound.py", BOUND.replace("(n * p + C)", "abs(n * p - C)"), "the size of the gradient instead of S"),
    ("7_bound.py", BOUND.replace("u * S", "2 * u * S"), "eps instead of u"),
    ("7_bound.py", BOUND.replace("abs(z) + mean", "mean"), "|z| left out"),
    ("7_bound.py", BOUND.replace("mean +", ""), "the mean of |z| left out"),
    ("7_bound.py", BOUND.replace("(p * abs(z)).sum(", "abs(z).mean("), "the mean of |z| without weights"),
    ("7_bound.py", BOUND.replace("abs(z)", "z").replace("abs(logp)", "logp"), None),  # two at once
    ("7_bound.py", BOUND.replace("abs(z)", "z"), "z instead of |z|"),
    ("7_bound.py", BOUND.replace("abs(logp)", "logp"), "log p instead of |log p|"),
    ("7_bound.py", BOUND.replace("abs(logp) +", ""), "|log p| left out"),
    ("7_bound.py", BOUND.replace("+ n +", "+"), "n left out"),
    ("7_bound.py", BOUND.replace("+ n +", "+ N +"), "N instead of n"),
    ("7_bound.py", BOUND.replace(" + 32", ""), "32 left out"),
    ("7_bound.py", BOUND.replace(" + 4 * tiny * n / N", ""), "the last term left out"),
    ("7_bound.py", BOUND.replace("n * p + C) / N", "n * p + C)"), "not divided by N"),
    ("7_bound.py", BOUND.replace("n * p + C", "n * p"), "C left out of S"),
]


@pytest.fixture(autouse=True)
def verdict_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table of witnesses stands above the verdict and has no part in it."""
    monkeypatch.setattr(gradient, "against_witnesses", lambda cases, outputs: [])


@functools.cache
def bound_cases() -> tuple[list[gradient.Case], check_bound.Errors]:
    cases = check_bound.bound_cases()
    return cases, check_bound.errors_of(cases)


class Judged(NamedTuple):
    verdict: str  # the last line, as it is printed
    lines: list[str]


def completed(name: str, body: str, folder: Path) -> Path:
    """The exercise with ``body`` in the place of what is to be written."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    text, count = STUB.subn(lambda match: textwrap.indent(body.strip("\n"), match[1]), text)
    assert count == 1, name
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def judge(path: Path) -> Judged:
    """What the exercise's own command says of it, without the process of its own that is tested elsewhere."""
    _, arguments, _, function = command(path.name)
    made = subject.load(f"{path}:{function}")
    if path.name == "7_bound.py":
        cases, errors = bound_cases()
        calls = [check_bound.BoundCall(c.W, count_pairs(c.idx, c.targets, len(c.W))) for c in cases]
        verdict, lines = check_bound.judge(cases, [call.run(made) for call in calls], errors)
        return Judged(verdict, [*lines, verdict])
    if "--optimizer" in arguments:
        runs = optimizer_runs("float64")
        made = OptimizerSubject(made, None)
        outputs: Any = [OptimizerRun(run.W, run.gradients, run.settings).run(made) for run in runs]
        report = judge_optimizer(path.name, runs, outputs)
    else:
        only = {"--loss-only": ("loss",), "--gradient-only": ("dW",)}
        wanted = next((names for option, names in only.items() if option in arguments), ("loss", "dW"))
        cases = gradient.gradient_cases("float64")
        made = GradientSubject(made, wanted, None)
        outputs = [GradientCall(c.W, c.idx, c.targets, wanted).run(made) for c in cases]
        report = gradient.judge_gradient(path.name, cases, outputs, wanted)
    lines = list(check_report(report.record()))
    return Judged(lines[-1].strip(), lines)


def command(name: str) -> tuple[str, str, str, str]:
    """What checks an exercise: the program, its arguments, and in them the file and the function."""
    found = COMMAND.findall((FOLDER / name).read_text(encoding="utf-8"))
    assert len(found) == 1, name
    return found[0]


def test_every_exercise_has_a_solution_mistakes_and_its_own_command() -> None:
    names = sorted(path.name for path in FOLDER.glob("[0-9]*.py"))
    assert names == sorted(SOLUTIONS)
    assert {name for name, _, mistake in MISTAKES if mistake} == set(names)
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in names:
        program, arguments, file, _ = command(name)
        assert file == name
        assert f"`{program} {arguments}`" in page
    minutes = sum(map(int, re.findall(r"^\| \d .*\| (\d+) \| `", page, re.MULTILINE)))
    assert f" in it | {minutes} |" in (ROOT / "docs" / "reading.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "body"), [*SOLUTIONS.items(), *OTHER_SOLUTIONS])
def test_with_a_solution_it_is_correct(name: str, body: str, tmp_path: Path) -> None:
    assert judge(completed(name, body, tmp_path)).verdict.startswith("correct: ")


@pytest.mark.parametrize(("name", "body", "mistake"), MISTAKES)
def test_a_mistake_is_told_by_its_name(name: str, body: str, mistake: str | None, tmp_path: Path) -> None:
    assert body.strip() not in (solution.strip() for solution in SOLUTIONS.values())
    judged = judge(completed(name, body, tmp_path))
    if mistake and name != "7_bound.py":  # the name may go on with a number: an eps, or a variant
        assert re.fullmatch(
            rf"(wrong|unstable: right for ordinary logits;):? {re.escape(mistake)}(, .*)?", judged.verdict
        )
    elif mistake:
        assert judged.verdict == f"wrong: {mistake}"
    else:  # none of the catalogue: then it is described
        assert re.search("does not know|not the bound", judged.verdict)
        assert any("on the case '" in line for line in judged.lines)


@pytest.mark.parametrize("name", sorted(set(SOLUTIONS) - {"7_bound.py"}))
def test_an_untouched_exercise_says_so(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    stub = STUB.search(text)
    assert stub
    _, arguments, _, function = command(name)
    checker = check_optimizer if "--optimizer" in arguments else gradient.check_gradient
    report = checker(f"{FOLDER / name}:{function}")
    line = text[: stub.start()].count("\n") + 1
    assert report.complaint
    assert report.complaint.endswith(f"it raised NotImplementedError: {stub[2]} (line {line} of {name})")
    assert list(check_report(report.record()))[-1] == "\nwrong: it gave no answer that could be judged"
    if name == "1_softmax.py":
        assert f"stopped   {report.complaint}" in (FOLDER / "README.md").read_text(encoding="utf-8")


def run_check_bound(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(FOLDER / "check_bound.py"), *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
    )


def test_the_bounds_own_command(tmp_path: Path) -> None:
    untouched = run_check_bound("docs/exercises/7_bound.py:gradient_bound")
    assert untouched.returncode == 1
    assert "it raised NotImplementedError: bound is yours to write (line " in untouched.stdout
    right = run_check_bound(f"{completed('7_bound.py', BOUND, tmp_path)}:gradient_bound")
    assert (right.returncode, right.stderr) == (0, "")
    assert "mistakes  let pass: none, of 34" in right.stdout
    assert right.stdout.endswith("\ncorrect: it is the bound of the derivation\n")
    wrong = run_check_bound(f"{completed('7_bound.py', 'return 1 + n * p', tmp_path)}:gradient_bound")
    assert wrong.returncode == 1
    assert re.search("let pass: .*, repeated ids lost, ", wrong.stdout)
    shape = run_check_bound(f"{completed('7_bound.py', 'return u', tmp_path)}:gradient_bound")
    assert "it returned float64 of shape (), not (9, 9)" in shape.stdout
    for arguments in ((), ("mine/none.py:f",)):
        nothing = run_check_bound(*arguments)
        assert (nothing.returncode, nothing.stdout, len(nothing.stderr.splitlines())) == (2, "", 1)


def test_the_terms_make_up_the_bound() -> None:
    for case in check_bound.bound_cases():
        counts = count_pairs(case.idx, case.targets, len(case.W))
        right, written = check_bound.terms(case.W, counts)
        derived = check_bound.gradient_bound(case.W, counts, exp_of_log=True, per_token=True)
        np.testing.assert_allclose(right.bound(), derived, rtol=1e-12)
        assert set(written) == set(check_bound.WHY)
