"""Proves ``bigram.check`` from Python: any callable, in this process or its own, in a test, in a
script and in a notebook; and how its result is shown."""

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bigram
from impl_numpy import AdamW
from impl_numpy.pair_counts import loss_and_gradient as right
from tests.kit import ROOT, one_in


def summed(W: Any, idx: Any, targets: Any) -> Any:
    loss, dW = right(W, idx, targets)
    return loss, dW * idx.size


class Model:
    factor = 1.0

    def method(self, W: Any, idx: Any, targets: Any) -> Any:
        return right(W, idx, targets)

    def __call__(self, W: Any, idx: Any, targets: Any) -> Any:
        loss, dW = right(W, idx, targets)
        return loss, dW * self.factor

    @staticmethod
    def static(W: Any, idx: Any, targets: Any) -> Any:
        return right(W, idx, targets)


def scaled(W: Any, idx: Any, targets: Any, *, by: float) -> Any:
    loss, dW = right(W, idx, targets)
    return loss, dW * by


def python(code: str, cwd: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Runs ``code`` in a fresh interpreter that finds the project."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("PYTEST_CURRENT_TEST", None)
    return subprocess.run(
        [sys.executable, *args, *(["-c", code] if code else [])],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=300,
    )


@pytest.mark.parametrize(
    "subject",
    [
        right,
        Model().method,
        Model(),
        Model.static,
        functools.partial(scaled, by=1.0),
        lambda W, x, y: right(W, idx=x, targets=y),
        "impl_numpy.pair_counts:loss_and_gradient",
    ],
    ids=["function", "method", "object", "static method", "partial", "lambda", "string"],
)
def test_every_kind_of_callable_is_checked(subject: Any) -> None:
    result = bigram.check(subject)
    assert result
    assert result.verdict == "correct"
    assert result.diagnosis == []
    assert result.complaint is None


def test_a_wrong_callable_is_diagnosed() -> None:
    result = bigram.check(functools.partial(scaled, by=2.0))
    assert not result
    assert bigram.check(summed).diagnosis == ["sum instead of mean"]


def test_optimizers_are_checked_as_classes_and_as_factories() -> None:
    assert bigram.check_optimizer(AdamW)
    assert bigram.check_optimizer(
        lambda W, lr, betas, eps, wd: AdamW(W, lr, betas, eps, weight_decay=wd)
    )
    swapped = bigram.check_optimizer(
        lambda W, lr, betas, eps, weight_decay: AdamW(W, lr, betas[::-1], eps, weight_decay)
    )
    assert swapped.diagnosis == ["betas swapped"]


@pytest.mark.parametrize("isolate", one_in(2, [False, True]))
def test_the_result_is_what_the_command_prints(isolate: bool, bigram_here: Callable) -> None:
    subject = f"{__file__}:summed"
    result = bigram.check(subject, isolate=isolate)
    assert str(result) + "\n" == bigram_here("check", subject).stdout
    assert result.to_dict() == json.loads(bigram_here("check", subject, "--json").stdout)
    assert result.to_dict()["verdict"] == result.verdict == "wrong"
    assert repr(result) == str(result)
    lines = str(result).splitlines()
    assert lines[0].startswith("wrong: ")
    assert lines[2] == "called    summed(W, idx, targets)"
    assert "cases; largest: V = " in lines[3]
    assert result.rows[0].keys() >= {"name", "fraction_of_bound"}
    assert result.worst
    assert {"W", "idx", "targets", "yours_dW", "right_dW"} <= set(result.case)


def test_the_table_of_a_notebook_has_the_verdict_first() -> None:
    page = bigram.check(summed)._repr_html_()
    assert page.startswith("<table><caption")
    assert page.index("sum instead of mean") < page.index("<tr>")
    assert "<td" in page


def test_importing_the_package_loads_nothing_and_a_check_no_framework(tmp_path: Path) -> None:
    code = (
        "import sys, bigram; print(sorted({'numpy', 'rich', 'torch'} & set(sys.modules)))\n"
        "from bigram import check, check_optimizer, UserError\n"
        "from impl_numpy.stepwise import loss_and_gradient\n"
        "result = check(loss_and_gradient)\n"
        "print(sorted({'torch', 'matplotlib', 'pooch', 'safetensors'} & set(sys.modules)), "
        "bool(result))\n"
        "print(str(result).count('the witness torch autograd'))"
    )
    result = python(code, tmp_path)
    assert result.stdout.splitlines() == ["[]", "[] True", "1"], result.stderr


def test_a_failing_assertion_shows_the_diagnosis_whole(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(
        "import bigram\n"
        "from impl_numpy.pair_counts import loss_and_gradient\n\n\n"
        "def mine(W, idx, targets):\n"
        "    loss, dW = loss_and_gradient(W, idx, targets)\n"
        "    return loss, dW * idx.size\n\n\n"
        "def test_my_gradient():\n    assert bigram.check(mine)\n",
        encoding="utf-8",
    )
    result = python("", tmp_path, "-m", "pytest", "-p", "no:cacheprovider", "test_mine.py")
    assert result.returncode == 1
    whole = str(bigram.check(summed)).replace(
        "tests.bigram.doctor.test_api:summed", "test_mine:mine"
    )
    for line in whole.replace("summed(", "mine(").splitlines():
        if "torch" not in line and "─" not in line:
            assert line in result.stdout.splitlines(), line


def test_a_script_without_a_guard_is_checked_apart_and_once(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        "print('begins')\n"
        "import bigram\n"
        "from impl_numpy import AdamW\n"
        "from impl_numpy.pair_counts import loss_and_gradient as right\n"
        "def f(W, idx, targets): return right(W, idx, targets)\n"
        "class Mine(AdamW): pass\n"
        "print(bool(bigram.check(f, isolate=True)), bool(bigram.check_optimizer(Mine, "
        "isolate=True)))\n"
        "print('ends')\n",
        encoding="utf-8",
    )
    result = python("", tmp_path, "script.py")
    # The other interpreter runs the script up to the check; all that it prints goes to stderr.
    assert result.stdout.splitlines() == ["begins", "True True", "ends"], result.stderr
    assert result.stderr.splitlines() == ["begins"] * 2


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "def f(W, idx, targets): pass\nbigram.check(f, isolate=True)",
            "f is defined in a notebook cell or at a",
        ),
        (
            "bigram.check(lambda W, x, y: 0, isolate=True)",
            "a lambda, a partial, a method of an object",
        ),
        ("bigram.check(max, dtype='float16')", "dtype is 'float16'; it must be float64 or float32"),
        ("bigram.check(max, limit=0)", "limit is 0; give a number of seconds"),
        (
            "bigram.check(max, loss_only=True, gradient_only=True)",
            "give loss_only or gradient_only, not both",
        ),
        ("bigram.check(max, like='cupy')", "like is 'cupy'; it must be 'numpy', 'torch' or 'jax'"),
        (
            "bigram.check('page.ipynb:f')",
            "page.ipynb is a notebook; in a cell below f, write: from bigram import",
        ),
        (
            "bigram.check(lambda a, b, c, d: 0)",
            "it needs d besides W, idx, targets; bind that first",
        ),
        (
            "bigram.check(lambda idx: 0)",
            "it takes idx, and cannot be given W, targets; write def f(W, idx, tar",
        ),
        ("bigram.check(dict)", "dict is a class without forward and backward"),
        ("bigram.check_optimizer(AdamW(W))", "AdamW is an optimizer already made; give its class"),
        (
            "bigram.check_optimizer(lambda tree, forest: 0)",
            "it cannot be given forest; write class Adapter:",
        ),
    ],
)
def test_a_call_that_cannot_be_made_gets_a_line_on_what_to_do(code: str, error: str) -> None:
    with pytest.raises(bigram.UserError) as raised:
        exec(
            code, {"bigram": bigram, "AdamW": AdamW, "W": np.zeros((2, 2)), "__name__": "__main__"}
        )
    assert error in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_hanging_function_is_stopped_in_this_process() -> None:
    def hangs(W: Any, idx: Any, targets: Any) -> Any:
        while True:
            pass

    result = bigram.check(hangs, limit=0.2)
    assert result.complaint
    assert result.complaint.endswith("it ran longer than 0.2 s")


def test_arguments_are_left_as_they_were_though_a_function_changes_them() -> None:
    seen = []

    def changes(W: Any, idx: Any, targets: Any) -> Any:
        seen.append(W)
        answer = right(W, idx, targets)
        if len(seen) == 2:
            W += 1
        return answer

    result = bigram.check(changes)
    assert result.complaint
    assert "it changed W, which it was only to read; begin with W.copy()" in result.complaint
    # The case before, with the same array, was judged, and is not spoiled.
    assert result.to_dict()["worst"]["fraction_of_bound"] <= 1


def test_a_file_in_a_package_may_import_its_neighbours(tmp_path: Path) -> None:
    package = tmp_path / "theirs" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "theirs" / "__init__.py").write_text("", encoding="utf-8")
    (package / "__init__.py").write_text(
        "from impl_numpy import pair_counts as counts\n", encoding="utf-8"
    )
    (tmp_path / "theirs" / "helper.py").write_text("from .inner import counts\n", encoding="utf-8")
    (package / "mine.py").write_text(
        "from ..helper import counts\nfrom . import counts as same\n"
        "assert same is counts\nf = counts.loss_and_gradient\n",
        encoding="utf-8",
    )
    assert bigram.check(f"{package / 'mine.py'}:f")
    assert bigram.check(f"{package / 'mine.py'}:f", isolate=True)


def test_a_package_that_this_clone_hides_is_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text("import common.losses\n", encoding="utf-8")
    with pytest.raises(
        bigram.UserError,
        match="own package common, which hides yours; install the project as a wheel",
    ):
        bigram.check(f"{tmp_path / 'mine.py'}:f")


@pytest.mark.parametrize(
    ("filename", "shown"),
    [
        ("/tmp/ipykernel_417/1025372656.py", "the cell"),
        ("C:\\Temp\\ipykernel_417\\1025372656.py", "the cell"),
        ("<ipython-input-3-8f2a>", "the cell"),
        ("/home/ipykernel_417/mine.py", "mine.py"),
    ],
)
def test_a_complaint_names_the_line_of_a_cell_or_file(filename: str, shown: str) -> None:
    scope: dict[str, Any] = {}
    exec(compile("def f(W, idx, targets):\n    return W[len(W)]", filename, "exec"), scope)
    complaint = bigram.check(scope["f"]).complaint
    assert complaint is not None
    assert complaint.endswith(f"(line 2 of {shown})")


def test_a_notebook_checks_its_own_cells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # the home may not be writable
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    (tmp_path / "run_me.py").write_text(
        "from bigram import check\nprint('ran', bool(check(mine)))\n", encoding="utf-8"
    )
    cells = [
        "from bigram import check, check_optimizer\nfrom impl_numpy.pair_counts import "
        "loss_and_gradient",
        "def mine(W, idx, targets):\n    return loss_and_gradient(W, idx, targets)\n\ncheck(mine)",
        "def wrong(W, idx, targets):\n    loss, dW = mine(W, idx, targets)\n"
        "    return loss, dW * idx.size\n\ncheck(wrong)",
        "try:\n    check(mine, isolate=True)\nexcept Exception as error:\n    print(error)",
        "%run -i run_me.py",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client.NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    shown = [cell.outputs for cell in notebook.cells]
    assert "correct: every case is within its bound" in shown[1][0]["data"]["text/html"]
    assert "sum instead of mean" in shown[2][0]["data"]["text/html"].partition("<tr>")[0]
    assert "wrong: sum instead of mean" in shown[2][0]["data"]["text/plain"]
    assert "mine is defined in a notebook cell or at a prompt" in shown[3][0]["text"]
    assert shown[4][0]["text"] == "ran True\n"
