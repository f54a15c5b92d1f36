"""Proves the shape of the source: imports point down and never in a circle, the hand-written side
runs without torch, the files to read are short, every public function has a docstring, and the
examples in the docstrings are true."""

import ast
import difflib
import doctest
import functools
import graphlib
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit import ROOT

PACKAGES = ["common", "impl_numpy", "impl_torch", "bigram"]

# The rooms, lowest first, each with the rooms below it that its files may import. A room is a
# folder, with those folders in it that are not named here. The files directly in bigram/ make two
# rooms: the door, which imports the others, and the rest, which they import.
DOOR = {"bigram", "bigram.__main__", "bigram.cli"}
ARROWS = {
    "tests": "",
    "common": "",
    "impl_numpy": "common",
    "impl_numpy.fast": "common impl_numpy",
    "impl_torch": "common",
    "bigram": "common",
    "bigram.runs": "common impl_numpy.fast impl_torch bigram",
    "bigram.doctor": "common impl_numpy impl_torch bigram",
    "bigram.explain": "common impl_numpy bigram bigram.runs bigram.doctor",
    "bigram.studies": "common impl_numpy impl_numpy.fast bigram bigram.doctor",
    "bigram.commands": "common bigram bigram.runs bigram.doctor bigram.explain",
    "door": "common impl_torch bigram bigram.runs bigram.doctor bigram.commands",
    "benchmarks.harness": "common impl_numpy bigram",
    "benchmarks.forms": "common impl_numpy impl_numpy.fast impl_torch benchmarks.harness",
    "benchmarks.report": "common bigram benchmarks.harness",
    "benchmarks": "common impl_numpy impl_numpy.fast impl_torch benchmarks.harness benchmarks.forms"
    " benchmarks.report",
    "tools": "common bigram bigram.runs benchmarks.report tests",
}


def read_sources() -> dict[str, str]:
    """The source of every module but the tests, by its name."""
    sources = {}
    for folder in [*PACKAGES, "benchmarks", "tools"]:
        for path in (ROOT / folder).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            sources[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return sources


SOURCES = read_sources()
MODULES = sorted(
    name
    for name, source in SOURCES.items()
    if source and name.split(".")[0] in PACKAGES and not name.endswith("__main__")
)


@functools.cache
def imported(source: str) -> set[str]:
    """The modules and names that a source imports, also inside functions and under
    ``TYPE_CHECKING``."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def import_graph(sources: dict[str, str]) -> dict[str, set[str]]:
    """The modules of ``sources`` that each of them imports; of the tests only that they are
    imported."""

    def module(name: str) -> str:
        if name.startswith("tests."):
            return "tests"
        return name if name in sources else name.rpartition(".")[0]

    known = {"tests", *sources}
    return {
        name: {module(found) for found in imported(source)} & known - {name}
        for name, source in sources.items()
    }


def room(module: str) -> str:
    """The room of a module: the longest name of a room that its own begins with."""
    if module in DOOR:
        return "door"
    return max((name for name in ARROWS if f"{module}.".startswith(f"{name}.")), key=len)


def faults(sources: dict[str, str]) -> list[str]:
    """The arrows that no room allows, and the first circle of modules."""
    graph = import_graph(sources)
    found = [
        f"{module} imports {target}"
        for module, targets in graph.items()
        for target in sorted(targets)
        if room(target) not in [room(module), *ARROWS[room(module)].split()]
    ]
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as circle:
        found.append(" -> ".join(reversed(circle.args[1])))
    return found


def test_imports_point_down_and_never_in_a_circle() -> None:
    assert faults(SOURCES) == []


def test_every_room_imports_only_rooms_listed_before_it() -> None:
    rooms = list(ARROWS)
    for index, name in enumerate(rooms):
        assert set(ARROWS[name].split()) <= set(rooms[:index]), name
    assert {room(module) for module in SOURCES} | {"tests"} == set(rooms)  # none is left over


ANYWHERE = pytest.mark.parametrize(
    "where", ["{}", "def late():\n    {}", "if TYPE_CHECKING:\n    {}"]
)


@ANYWHERE
@pytest.mark.parametrize(
    ("module", "line", "target"),
    [
        ("common.config", "import bigram.bounds", "bigram.bounds"),
        ("common.text.large", "from impl_numpy import AdamW", "impl_numpy"),
        ("impl_numpy.adamw", "from impl_torch import device", "impl_torch.device"),
        ("impl_numpy.model", "from impl_numpy.fast import adamw as quick", "impl_numpy.fast.adamw"),
        ("impl_torch.model", "from impl_numpy.adamw import AdamW", "impl_numpy.adamw"),
        ("bigram.bounds", "from bigram.runs.records import corpus_record", "bigram.runs.records"),
        ("bigram.runs.folder", "import bigram.cli", "bigram.cli"),
        ("bigram.cli", "from tests.kit import ROOT", "tests"),
        ("benchmarks.harness.work", "from benchmarks import report", "benchmarks.report"),
    ],
)
def test_a_planted_arrow_up_is_found(module: str, line: str, target: str, where: str) -> None:
    found = faults(SOURCES | {module: f"{SOURCES[module]}\n{where.format(line)}\n"})
    assert f"{module} imports {target}" in found


@ANYWHERE
def test_a_planted_circle_is_found(where: str) -> None:
    assert "common.errors" in import_graph(SOURCES)["common.config"]
    planted = where.format("from common import config")
    (found,) = faults(SOURCES | {"common.errors": f"{SOURCES['common.errors']}\n{planted}\n"})
    assert {"common.errors", "common.config"} == set(found.split(" -> "))


def test_at_most_twelve_files_stand_directly_in_bigram() -> None:
    assert 0 < len(list((ROOT / "bigram").glob("*.py"))) <= 12


def test_the_files_to_read_are_short() -> None:
    files = [*(ROOT / "impl_numpy").glob("*.py")]
    files += [ROOT / "impl_torch" / f"{name}.py" for name in ("model", "trainer")]
    files += [ROOT / "common" / f"{name}.py" for name in ("tokenizer", "batcher")]
    assert len(files) > 4
    for path in files:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) <= 100 or path.name == "stepwise.py", path
        assert max(map(len, lines)) <= 88, path


def test_the_two_trainers_differ_in_fewer_than_sixty_lines() -> None:
    torchs, numpys = (
        (ROOT / package / "trainer.py").read_text(encoding="utf-8").splitlines()
        for package in ("impl_torch", "impl_numpy")
    )
    assert sum(line[0] in "+-" for line in difflib.ndiff(torchs, numpys)) < 60


def test_every_folder_with_source_is_a_package_that_can_be_walked() -> None:
    for package in PACKAGES:
        walked = {
            module.name for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        }
        assert {package} | walked == {
            name for name in SOURCES if f"{name}.".startswith(f"{package}.")
        }


@pytest.mark.parametrize("package", ["common", "impl_numpy"])
def test_the_hand_written_side_imports_numpy_and_no_framework(package: str) -> None:
    allowed = (
        set(sys.stdlib_module_names) | {"numpy", "common", "impl_numpy"} | {"pooch", "safetensors"}
    )
    for name, source in SOURCES.items():
        if name.split(".")[0] == package:
            assert {found.split(".")[0] for found in imported(source)} <= allowed, name


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


def test_a_loaded_framework_is_found() -> None:
    pytest.importorskip("torch")
    assert "torch" in loaded_frameworks("import impl_numpy, impl_torch")


@pytest.mark.parametrize("name", MODULES)
def test_docstrings_are_there_and_their_examples_true(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as missing:
        if missing.name not in ("torch", "matplotlib"):
            raise
        pytest.skip(f"{missing.name} is not installed")
    assert module.__doc__
    for member, value in vars(module).items():
        public = callable(value) and value.__module__ == name and not member.startswith("_")
        if member.endswith("_backward"):
            continue  # stands under its forward, and has its name
        assert not public or value.__doc__, f"{name}.{member}"
    result = doctest.testmod(module)
    assert result.failed == 0


def test_both_implementations_have_the_same_classes_and_methods() -> None:
    """So that ``diff impl_torch/trainer.py impl_numpy/trainer.py`` can be read."""

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
            # autograd derives loss_and_gradient; NumPy's side writes it
            assert [m for m in methods if m != "loss_and_gradient"] == theirs[cls]


def test_every_text_file_is_opened_with_an_encoding() -> None:
    for name, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                if called in ("read_text", "write_text", "open", "fdopen"):
                    keywords = {keyword.arg for keyword in node.keywords}
                    binary = any(
                        isinstance(arg, ast.Constant) and arg.value in ("rb", "wb", "xb")
                        for arg in node.args
                    )
                    assert (
                        binary or "encoding" in keywords or ast.unparse(node.func) == "os.open"
                    ), name
