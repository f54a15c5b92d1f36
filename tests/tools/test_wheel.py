"""Proves that the wheel puts one name on the path, ``bigram``, and works in a repository that has
packages named ``common``, ``impl_numpy`` and ``tests`` already."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.kit import ROOT, one_in

MINE = """
import numpy as np
from common import softmax
from impl_numpy import scatter


def loss_and_gradient(W, idx, targets):
    x, y = idx.ravel(), targets.ravel()
    logp = softmax.log(W[x])
    d = np.exp(logp)
    d[np.arange(len(y)), y] -= 1
    return -logp[np.arange(len(y)), y].mean(), scatter.add(d, x, W) / len(y)
"""
THEIRS = {
    "common/__init__.py": "",
    "common/softmax.py": """
import numpy as np


def log(x):
    z = x - x.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))
""",
    "impl_numpy/__init__.py": "",
    "impl_numpy/scatter.py": """
import numpy as np


def add(d, x, W):
    dW = np.zeros_like(W)
    np.add.at(dW, x, d)
    return dW
""",
    "mine.py": MINE,
    "tests/__init__.py": "",
    "tests/kit.py": "from mine import loss_and_gradient\n",
    "tests/test_mine.py": """
import bigram
from tests.kit import loss_and_gradient


def test_my_gradient():
    assert bigram.check(loss_and_gradient)
    assert bigram.check(loss_and_gradient, isolate=True)
""",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    ]
    result = subprocess.run(
        [*command, "-w", str(folder), str(ROOT)], capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_has_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if ".dist-info/" not in name]
        assert {name.split("/")[0] for name in names} == {"bigram"}
        assert "bigram/py.typed" in names
        # All that the clone has, and no file of its tests.
        here = {
            (
                path.relative_to(ROOT)
                if package == "bigram"
                else Path("bigram", path.relative_to(ROOT))
            ).as_posix()
            for package in ("bigram", "common", "impl_numpy", "impl_torch")
            for path in (ROOT / package).rglob("*")
            if path.is_file() and path.suffix != ".pyc" and ".ruff_cache" not in path.parts
        }
        assert set(names) == here


@pytest.fixture(scope="module")
def repository(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A reader's repository, and the folder of the commands of an environment that holds the wheel,
    and besides it only the packages that this one has, without this clone."""
    root = tmp_path_factory.mktemp("theirs")
    for name, text in THEIRS.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    environment = root / "environment"
    venv.create(environment, with_pip=False)
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    python = str(next(scripts.glob("python*")))
    packages = Path(
        subprocess.run([python, "-c", where], capture_output=True, text=True).stdout.strip()
    )
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-deps",
        "--no-index",
    ]
    result = subprocess.run([*command, str(wheel)], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    others = {str(Path(module.__file__ or "").parents[1]) for module in _needed()}
    (packages / "others.pth").write_text("\n".join(sorted(others)), encoding="utf-8")
    return root, scripts


def _needed() -> list:
    import numpy
    import rich

    return [numpy, rich, pytest]


@pytest.mark.parametrize(
    "command",
    one_in(
        3,
        [
            ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            ["pytest", "-q", "-p", "no:cacheprovider"],
            ["bigram", "check", "mine:loss_and_gradient"],
            ["bigram", "check", "mine.py:loss_and_gradient"],
            ["python", "-m", "bigram", "check", "mine.py:loss_and_gradient"],
        ],
    ),
    ids=" ".join,
)
def test_it_works_beside_packages_of_the_same_names(
    command: list[str], repository: tuple[Path, Path]
) -> None:
    root, scripts = repository
    (root / "pytest.ini").write_text(
        "[pytest]\npythonpath = .\ntestpaths = tests\n", encoding="utf-8"
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST")
    }
    environment.pop("PYTHONPATH", None)
    python = str(next(scripts.glob("python*")))
    # the script, as an installed one is: the folder that it runs in is not on the path
    if command[0] == "pytest":
        start = [python, "-P", "-m", "pytest"]
    else:
        start = [python] if command[0] == "python" else [str(next(scripts.glob("bigram*")))]
    result = subprocess.run(
        [*start, *command[1:]],
        capture_output=True,
        text=True,
        cwd=root,
        env=environment,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    if "check" in command:
        assert result.stdout.startswith("correct: every case is within its bound\n")
