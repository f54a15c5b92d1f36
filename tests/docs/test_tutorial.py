"""Proves that the tutorial's notebook is its script, cell by cell, that it prints what the script
prints now, without a network, and that its links lead somewhere."""

import ast
import json
import os
import platform
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.kit import HANG, ROOT

DOCS = ROOT / "docs"
SCRIPT = (DOCS / "tutorial.py").read_text(encoding="utf-8")
CELLS: list[dict[str, Any]] = json.loads((DOCS / "tutorial.ipynb").read_text(encoding="utf-8"))[
    "cells"
]


def as_script(cells: list[dict[str, Any]]) -> str:
    """The script that these are the cells of."""

    def lines(cell: dict[str, Any]) -> str:
        source = "".join(cell["source"])
        if cell["cell_type"] == "code":
            return f"# %%\n{source}"
        return "# %% [markdown]\n" + "\n".join(f"# {line}".rstrip() for line in source.split("\n"))

    return "\n\n".join(map(lines, cells)) + "\n"


def test_the_notebook_is_the_script() -> None:
    """But for empty lines between cells, which the formatter has a say in."""
    notebook, script = (re.sub(r"\n{2,}", "\n\n", text) for text in (as_script(CELLS), SCRIPT))
    assert notebook == script


def test_it_was_run_from_top_to_bottom() -> None:
    code = [cell for cell in CELLS if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert len(outputs) > 15
    assert {output.get("name", output["output_type"]) for output in outputs} == {
        "stdout",
        "display_data",
    }
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 5


# Appended to the script: the numbers that the folded answers give.
ANSWERS = """
def trained(gradient):
    W, optimizer, rng = table.copy(), AdamW(table, lr), np.random.default_rng(0)
    for _ in range(steps):
        optimizer.step(W, gradient(W, *get_batch(train_data, batch_size, block_size, rng)))
    return exact_loss(W.astype(np.float64))


def at_rate(rate, steps):
    trainer = trainer_for(table.copy(), Config(lr=rate))
    batcher = Batcher(train_data, batch_size, block_size, np.random.default_rng(0))
    for _ in range(steps):
        trainer.step(*batcher.get_batch())
    return exact_loss(trainer.model.token_embedding_table.astype(np.float64))


def repeats_lost(W, idx, targets):
    idx, targets = idx.ravel(), targets.ravel()
    p = np.exp(W[idx]) / np.exp(W[idx]).sum(axis=1, keepdims=True)
    dW = np.zeros_like(W)
    dW[idx] += (p - np.eye(V, dtype=W.dtype)[targets]) / idx.size
    return dW


def moved(gradient):
    W = before.copy()
    AdamW(W, lr).step(W, gradient)
    return W


word = np.zeros_like(W)
np.add.at(word, idx, dlogits)
batch = get_batch(train_data, batch_size, block_size, np.random.default_rng(0))
smoothed = np.log(C + 1)
logp = smoothed - np.log(np.exp(smoothed).sum(axis=1, keepdims=True))
unseen = np.zeros((V, V))
np.add.at(unseen, (val_data[:-1], val_data[1:]), 1)
near = (C + 1e-9) / (C + 1e-9).sum(axis=1, keepdims=True)
print("ANSWERS", {name: float(number) for name, number in {
    "ten times the table": exact_loss(10.0 * table),
    "lr 1e-2": at_rate(1e-2, steps),
    "lr 10": at_rate(10.0, steps),
    "one added": exact_loss(smoothed) - optimum,
    "one added, validation": -(unseen * logp).sum() / unseen.sum(),
    "right": exact_loss(by_hand.astype(np.float64)),
    "sum": trained(lambda W, *batch: 256 * loss_and_gradient(W, *batch)[1]),
    "repeats lost": trained(repeats_lost),
    "error": np.linalg.norm(repeats_lost(table, *batch) - loss_and_gradient(table, *batch)[1])
    / np.linalg.norm(loss_and_gradient(table, *batch)[1]),
    "1,000 times": abs(moved(1000 * word) - moved(word)).max() / lr,
    "1e-9 added": (moved(word) - moved(word + 1e-9))[3, 1] / lr,
    "best of 500": min((at_rate(rate, 500), rate) for rate in rates)[1],
    "best of 5,000": rates[int(np.argmin(above))],
    "at the optimum": abs(n * near - C).max() / C.sum(),
}.items()})
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The output of the script, and of ``ANSWERS`` behind it."""
    for module in ("torch", "matplotlib"):
        pytest.importorskip(module)
    # A proxy at which no one listens, and no folder with a text: nothing can be fetched.
    nowhere = {
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "BIGRAM_DATA_DIR": "",
        "PYTHONIOENCODING": "utf-8",
    }
    script = tmp_path_factory.mktemp("tutorial") / "tutorial.py"
    script.write_text(SCRIPT + ANSWERS, encoding="utf-8")
    root = os.pathsep.join([str(DOCS.parent), os.environ.get("PYTHONPATH", "")])
    result = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | nowhere | {"PYTHONPATH": root, "MPLBACKEND": "Agg"},
        timeout=HANG,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@pytest.mark.slow
def test_it_prints_what_the_script_prints(printed: str) -> None:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("it runs; but torch.multinomial draws other characters on another platform")
    outputs = [output for cell in CELLS for output in cell.get("outputs", [])]
    pasted = "".join("".join(output["text"]) for output in outputs if "text" in output)
    # Rounding errors, such as 1e-06, last digits and equality to the bit may differ between
    # processors.
    machine = re.compile(r"\b\de[-+]\d\d\b|(?<=exact: )(?:True |False)")
    old, new = (machine.sub("#", text) for text in (pasted, printed.partition("ANSWERS")[0]))
    number = re.compile(r"-?\d+\.\d+")
    assert number.sub("#", old) == number.sub("#", new)
    for before, now in zip(number.findall(old), number.findall(new), strict=True):
        assert float(before) == pytest.approx(float(now), abs=0.0101)


@pytest.mark.slow
def test_the_folded_answers_are_true(printed: str) -> None:
    found: dict[str, float] = ast.literal_eval(printed.partition("ANSWERS")[2].strip())
    answers = re.findall("<summary>Answer</summary>(.*?)# </details>", SCRIPT, re.DOTALL)
    text = " ".join(" ".join(answers).replace("\n#", " ").split())
    for sentence in (
        f"from about 4.7 to about {found['ten times the table']:.0f}",
        f"ends near {found['lr 1e-2']:.2f}. With `10` it ends near {found['lr 10']:.1f}",
        f"It is {found['one added']:.4f} above the optimum",
        f"With one added it is {found['one added, validation']:.2f}",
        f"to about {found['repeats lost']:.2f} instead of {found['sum']:.2f}: "
        f"the gradient is {found['error']:.0%} off".replace("%", " %"),
        f"= {found['1e-9 added']:.0%} of lr".replace("%", " %"),
    ):
        assert sentence in text, sentence
    assert abs(found["sum"] - found["right"]) < 1e-3  # "as if it were right"
    assert found["1,000 times"] < 1e-6  # "to six digits"
    assert found["best of 500"] > found["best of 5,000"] == 1e-2
    assert found["at the optimum"] < 1e-13


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", as_script(CELLS))
    assert len(links) > 5
    for link in links:
        assert (DOCS / link).exists(), link


def test_each_part_has_something_to_try() -> None:
    parts = re.split(r"^# ## ", SCRIPT, flags=re.MULTILINE)[1:-1]
    assert len(parts) == 13
    for part in parts:
        assert part.count("**Try:**") == part.count("<details><summary>Answer</summary>") == 1, (
            part.split("\n")[0]
        )
