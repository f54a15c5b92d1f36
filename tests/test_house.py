"""Proves the shape of the house: imports point down, the hand-written side runs without torch, every
public function is documented, and the examples in docstrings are true."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import ROOT

PACKAGES = ["common", "impl_numpy", "impl_torch", "bigram"]
MAY_IMPORT = {
    "common": {"common"},
    "impl_numpy": {"common", "impl_numpy"},
    "impl_torch": {"common", "impl_torch"},
    "bigram": {"common", "impl_numpy", "impl_torch", "bigram"},
}
MODULES = [
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    if not module.ispkg and not module.name.endswith("__main__")
]


def imported(source: str) -> set[str]:
    """Top-level packages that a source file imports, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names.add((node.module or "").split(".")[0])
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_only_point_down(package: str) -> None:
    files = list((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        ours = imported(path.read_text(encoding="utf-8")) & set(PACKAGES)
        assert ours <= MAY_IMPORT[package], path


@pytest.mark.parametrize("package", ["common", "impl_numpy"])
def test_the_hand_written_side_imports_numpy_and_no_framework(package: str) -> None:
    allowed = set(sys.stdlib_module_names) | {"numpy", "common", "impl_numpy"} | {"pooch", "safetensors"}
    for path in (ROOT / package).rglob("*.py"):
        assert imported(path.read_text(encoding="utf-8")) <= allowed, path


def loaded_frameworks(code: str) -> list[str]:
    """Which of the frameworks a fresh interpreter has loaded after running ``code``."""
    code += "\nimport sys; print(sorted({'torch', 'scipy', 'jax', 'autograd'} & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return ast.literal_eval(result.stdout)


def test_using_numpy_and_common_loads_no_framework() -> None:
    modules = [name for name in MODULES if name.startswith(("common", "impl_numpy"))]
    assert loaded_frameworks("import " + ", ".join(modules)) == []


def test_that_test_can_fail() -> None:
    pytest.importorskip("torch")
    assert "torch" in loaded_frameworks("import impl_numpy, impl_torch")


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_are_there_and_their_examples_true(name: str) -> None:
    if name in ("impl_torch.model", "impl_torch.trainer", "impl_torch.distributed", "bigram.runs.compare"):
        pytest.importorskip("torch")
    if name == "bigram.plot_style":
        pytest.importorskip("matplotlib")
    module = importlib.import_module(name)
    assert module.__doc__
    for member, value in vars(module).items():
        public = callable(value) and value.__module__ == name and not member.startswith("_")
        if member.endswith("_backward"):
            continue  # stands under its forward, and has its name
        assert not public or value.__doc__, f"{name}.{member}"
    result = doctest.testmod(module)
    assert result.failed == 0


def test_both_editions_have_the_same_chapters() -> None:
    """``diff impl_torch/trainer.py impl_numpy/trainer.py`` is a lesson as long as names agree."""

    def public(path: Path) -> dict[str, list[str]]:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        return {
            node.name.removeprefix("Numpy").removeprefix("Torch"): [
                item.name
                for item in node.body
                if isinstance(item, ast.FunctionDef) and not item.name.startswith("_")
            ]
            for node in classes
        }

    for name in ("model.py", "trainer.py"):
        ours, theirs = public(ROOT / "impl_numpy" / name), public(ROOT / "impl_torch" / name)
        assert ours.keys() == theirs.keys()
        for cls, methods in ours.items():
            # What autograd gives for nothing, the other must write.
            assert [m for m in methods if m != "loss_and_gradient"] == theirs[cls]


def test_every_file_read_names_its_encoding() -> None:
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                    called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                    if called in ("read_text", "write_text", "open", "fdopen"):
                        keywords = {keyword.arg for keyword in node.keywords}
                        binary = any(
                            isinstance(arg, ast.Constant) and arg.value in ("rb", "wb", "xb")
                            for arg in node.args
                        )
                        assert binary or "encoding" in keywords or ast.unparse(node.func) == "os.open", path
