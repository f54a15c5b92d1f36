"""Proves that the exercises can be done and are judged well: an untouched one says so, a solution
is correct, and each common mistake is named. The solutions are here: look later."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from bigram import Result, check, check_optimizer
from bigram.doctor import gradient
from tests.docs.test_docs import anchors
from tests.kit import ROOT, one_in
from tools import exercises

FOLDER = ROOT / "docs" / "exercises"
STUB = re.compile(r"^( +)raise NotImplementedError\(\"(.+)\"\)$", re.MULTILINE)
COMMAND = re.compile(r"^    (bigram check .*mine/(\w+\.py):(\w+).*)$", re.MULTILINE)

Z = "z = logits - logits.max(axis=1, keepdims=True)\n"
E = Z + "e = np.exp(z)\n"
LOGP = (
    Z
    + "logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))\n"
    + "logp = logp[np.arange(len(targets)), targets]\n"
)
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
SOLUTIONS = {
    "1_softmax.py": E + "return e / e.sum(axis=1, keepdims=True)",
    "2_loss.py": LOGP + "return -logp.mean()",
    "3_dlogits.py": D + "return d / len(targets)",
    "4_scatter_add.py": SCATTER + "np.add.at(dW, idx, dlogits)\nreturn dW",
    "5_counts.py": COUNTS + "return -(C * logp).sum() / N, (n * np.exp(logp) - C) / N",
    "6_adamw.py": STEP,
}
OTHER_SOLUTIONS = [  # as right as the first, and written otherwise
    ("4_scatter_add.py", SCATTER + "for i, d in zip(idx, dlogits):\n    dW[i] += d\nreturn dW"),
    ("4_scatter_add.py", "return np.eye(vocab_size, dtype=dlogits.dtype)[idx].T @ dlogits"),
    ("2_loss.py", LOGP + "return -sum(logp) / len(logp)"),
]

MISTAKES = [
    (
        "1_softmax.py",
        "e = np.exp(logits - logits.max())\nreturn e / e.sum()",
        "softmax over the whole batch",
    ),
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
    (
        "2_loss.py",
        LOGP + "return -np.log(np.exp(logp) + 1e-8).mean()",
        "eps inside the log of the loss, 1e-8",
    ),
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
        SCATTER
        + "for i in range(vocab_size - 1):\n    dW[i] = dlogits[idx == i].sum(axis=0)\nreturn dW",
        "last character's row never written",
    ),
    (
        "4_scatter_add.py",
        SCATTER
        + "for i in set(idx.tolist()):\n    dW[i] = dlogits[idx == i].mean(axis=0)\nreturn dW",
        "averaged over repeated ids",
    ),
    (
        "5_counts.py",
        COUNTS + "return -(C * logp).sum() / N, n * np.exp(logp) - C",
        "sum instead of mean",
    ),
    (
        "5_counts.py",
        COUNTS + "return -(C * logp).sum() / N, (np.maximum(n, 1) * np.exp(logp) - C) / N",
        "unvisited rows not zero",
    ),
    (
        "5_counts.py",
        COUNTS
        + "return -(C * logp).sum() / N, (np.exp(logp) - C / np.maximum(n, 1)) * (n > 0) / N",
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
]
# right for ordinary logits
UNSTABLE = {"maximum not subtracted", "logarithm of an underflowed probability"}


@pytest.fixture(autouse=True)
def verdict_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves out the table of witnesses, which has no part in the verdict."""
    monkeypatch.setattr(gradient, "against_witnesses", lambda cases, outputs: [])


def completed(name: str, body: str, folder: Path) -> Path:
    """The exercise with ``body`` in the place of the missing lines."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    path = folder / name
    path.write_text(filled_in(text, body), encoding="utf-8")
    return path


def filled_in(text: str, body: str) -> str:
    """``text`` with ``body`` in the place of its stub."""
    text, count = STUB.subn(lambda match: textwrap.indent(body.strip("\n"), match[1]), text)
    assert count == 1
    return text


def judge(path: Path) -> Result:
    """The answer of the exercise's own command. The subject runs in this process, which saves its
    start."""
    options, function = command(path.name)
    subject = f"{path}:{function}"
    if "--optimizer" in options:
        return check_optimizer(subject)
    return check(
        subject, loss_only="--loss-only" in options, gradient_only="--gradient-only" in options
    )


def command(name: str) -> tuple[str, str]:
    """The command that an exercise names, and the function or class in it that is judged."""
    ((whole, file, function),) = COMMAND.findall((FOLDER / name).read_text(encoding="utf-8"))
    assert file == name
    return whole, function


def test_every_exercise_has_a_solution_mistakes_and_its_own_command() -> None:
    names = sorted(path.name for path in FOLDER.glob("[0-9]*.py"))
    assert names == sorted(SOLUTIONS)
    assert {name for name, _, mistake in MISTAKES if mistake} == set(names)
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in names:
        assert f"`{command(name)[0]}`" in page
    minutes = sum(map(int, re.findall(r"^\| \d .*\| (\d+) \| `", page, re.MULTILINE)))
    for index in ("README.md", "docs/reading.md"):
        assert f" in it | {minutes} |" in (ROOT / index).read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "body"), [*SOLUTIONS.items(), *OTHER_SOLUTIONS])
def test_a_solution_is_judged_correct(name: str, body: str, tmp_path: Path) -> None:
    assert judge(completed(name, body, tmp_path))


@pytest.mark.parametrize(("name", "body", "mistake"), one_in(6, MISTAKES))
def test_a_mistake_in_an_exercise_is_named(
    name: str, body: str, mistake: str | None, tmp_path: Path
) -> None:
    assert body.strip() not in (solution.strip() for solution in SOLUTIONS.values())
    result = judge(completed(name, body, tmp_path))
    assert result.verdict == ("unstable" if mistake in UNSTABLE else "wrong")
    assert result.diagnosis == ([mistake] if mistake else [])
    if not mistake:  # the catalogue has none that explains it, so the error is described
        assert "on the case '" in str(result)


@pytest.mark.parametrize("name", sorted(SOLUTIONS))
def test_an_untouched_exercise_says_that_it_is_yours_to_write(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    stub = STUB.search(text)
    assert stub
    result = judge(FOLDER / name)
    line = text[: stub.start()].count("\n") + 1
    assert result.complaint
    assert result.complaint.endswith(
        f"it raised NotImplementedError: {stub[2]} (line {line} of {name})"
    )
    assert str(result).startswith("wrong: it gave no answer that could be judged")
    if name == "1_softmax.py":
        assert f"stopped   {result.complaint}" in (FOLDER / "README.md").read_text(encoding="utf-8")


NOTEBOOK = json.loads((FOLDER / "exercises.ipynb").read_text(encoding="utf-8"))["cells"]


def test_the_notebook_holds_the_exercises() -> None:
    pasted = [exercises.Cell(cell["cell_type"], "".join(cell["source"])) for cell in NOTEBOOK]
    assert pasted == exercises.cells()
    texts = [source for kind, source in pasted if kind == "markdown"][1:]
    assert [len(re.findall(r"<summary>Hint \d</summary>", text)) for text in texts] == [3] * len(
        SOLUTIONS
    )
    for text in texts:
        for page, anchor in re.findall(r"\]\(\.\./([\w.]+)#([\w-]+)\)", text):
            assert anchor in anchors(FOLDER.parent / page)


def test_the_checks_of_the_notebook_were_run_before_a_line_was_written() -> None:
    code = [cell for cell in NOTEBOOK if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    answers = [
        json.dumps(cell["outputs"]) for cell in code if "".join(cell["source"]).startswith("check")
    ]
    assert len(answers) == len(SOLUTIONS)
    assert all("is yours to write" in answer for answer in answers)


def test_with_the_solutions_every_cell_of_the_notebook_says_correct() -> None:
    namespace: dict[str, Any] = {}
    bodies = iter(SOLUTIONS.values())
    correct = 0
    for kind, source in exercises.cells():
        if kind == "markdown":
            continue
        if source.startswith("check"):
            assert eval(source, namespace), source
            correct += 1
        else:
            exec(filled_in(source, next(bodies)) if STUB.search(source) else source, namespace)
    assert correct == len(SOLUTIONS)
