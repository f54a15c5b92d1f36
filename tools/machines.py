"""The tests on simulated machines: ``python -m tools.machines``, one line of result for each.

    python -m tools.machines                  the machines of MACHINES
    python -m tools.machines avx2 oldest      some of them
    python -m tools.machines --full           processors x surroundings x libraries: hours
    python -m tools.machines --list           their names, and what they are
    python -m tools.machines random --seed 7  the order of tests once more that a line named

A machine is made of environment variables, and of a virtual environment where it has another NumPy.
On all of them the network is refused. All tests run but the slow ones and those in a browser. A
machine that cannot be made here is one line with the reason. Exit status: 0 no test failed, 1 some
did, 2 bad input.
"""

import argparse
import contextlib
import functools
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
NOWHERE = "http://127.0.0.1:9"  # a proxy that nothing listens at
MAKING = threading.Lock()  # an environment is made once
HANG = 3600  # seconds that no run of the tests takes
BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"

# Printed as JSON by the interpreter that is to run the tests.
FEATURES = """
import json, numpy
from numpy._core import _multiarray_umath as core
blas = numpy.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"]
print(json.dumps({"dispatch": core.__cpu_dispatch__, "has": core.__cpu_features__, "blas": blas}))
"""
# And one note a line.
LIBRARIES = """
import importlib.util, platform, numpy
print("Python", platform.python_version(), "and NumPy", numpy.__version__)
if importlib.util.find_spec("torch") is None:
    print("no torch")
"""


class NotHereError(Exception):
    """This machine cannot be simulated on this one; the message says why."""


class Run:
    """One run of the tests, which the traits of a machine change."""

    def __init__(self, scratch: Path, seed: int) -> None:
        self.scratch, self.seed = scratch, seed
        self.python = sys.executable
        self.folder = ROOT
        self.environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_PROXY": "127.0.0.1,localhost"}
        self.environment |= {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "ALL_PROXY": NOWHERE}
        for lower_case in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            self.environment.pop(lower_case, None)
        self.options: list[str] = []
        self.neighbours = 0
        self.notes: list[str] = []


Trait = Callable[[Run], None]


# Processors.


@functools.cache
def features(python: str) -> dict[str, Any]:
    """The instruction sets that the NumPy of ``python`` can leave out, those that are here, and its
    BLAS."""
    environment = {
        key: value for key, value in os.environ.items() if key != "NPY_DISABLE_CPU_FEATURES"
    }
    found: dict[str, Any] = json.loads(
        subprocess.check_output([python, "-c", FEATURES], env=environment)
    )
    return found


def numpy_without(run: Run, is_left_out: Callable[[str], bool]) -> None:
    """NumPy warns of a name that the processor lacks, and refuses one of its baseline: neither is
    given."""
    found = features(run.python)
    names = [name for name in found["dispatch"] if found["has"][name] and is_left_out(name)]
    run.environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(names)
    run.notes.append(f"NumPy without {', '.join(names)}" if names else "NumPy as it is")


def avx2(run: Run) -> None:
    if not features(run.python)["has"].get("AVX2"):
        raise NotHereError("this processor has no AVX2")
    run.environment["ATEN_CPU_CAPABILITY"] = "avx2"
    numpy_without(run, lambda name: name.startswith(("AVX512", "X86_V4")))


def baseline(run: Run) -> None:
    run.environment["ATEN_CPU_CAPABILITY"] = "default"
    numpy_without(run, lambda name: True)


def openblas(run: Run, core: str, needs: str) -> None:
    found = features(run.python)
    if found["blas"] != "scipy-openblas":
        raise NotHereError(f"this NumPy uses {found['blas']}")
    if not found["has"].get(needs):
        raise NotHereError(f"this processor has no {needs}")
    run.environment["OPENBLAS_CORETYPE"] = core


haswell = functools.partial(openblas, core="Haswell", needs="AVX2")
skylakex = functools.partial(openblas, core="SkylakeX", needs="AVX512_SKX")


# Surroundings.


def threads(run: Run, count: int) -> None:
    run.environment |= dict.fromkeys(THREADS, str(count)) | {"OMP_WAIT_POLICY": "passive"}


one_thread, two_threads = (functools.partial(threads, count=count) for count in (1, 2))


def plain_and_busy(run: Run) -> None:
    run.environment |= {"TERM": "dumb", "COLUMNS": "40", "LC_ALL": "C"}
    run.environment |= {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    for variable in ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"):  # an image may have set them
        run.environment.pop(variable, None)
    run.neighbours = 2


def elsewhere(run: Run) -> None:
    run.options += ["--random-order-bucket=global", f"--random-order-seed={run.seed}"]
    run.notes.append(f"--seed {run.seed}")
    run.folder = run.scratch / "folder"
    run.folder.mkdir()
    file = run.scratch / "file"
    file.touch()  # and in a file no folder can be made, not even by root
    run.environment |= dict.fromkeys(("HOME", "USERPROFILE", "LOCALAPPDATA"), str(file / "home"))
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "BIGRAM_DATA_DIR", "BIGRAM_CACHE_DIR"):
        run.environment.pop(variable, None)


# Interpreters and libraries.


def version(python: str) -> tuple[int, ...]:
    """Of an interpreter; () where it does not run, or is no release."""
    code = "import sys; print(*sys.version_info[:3] if sys.version_info[3] == 'final' else ())"
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        printed = subprocess.check_output([python, "-c", code], stderr=subprocess.DEVNULL)
        return tuple(map(int, printed.split()))
    return ()


def newest_interpreter() -> str:
    """The newest on the path and among pyenv's; this one unless another is newer."""
    found = [shutil.which(f"python3.{minor}") for minor in range(sys.version_info[1] + 1, 40)]
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found += map(str, pyenv.glob("versions/3.*/bin/python3"))
    newest = max(filter(None, found), key=version, default=sys.executable)
    return newest if version(newest)[:2] > sys.version_info[:2] else sys.executable


def install(python: str, folder: Path, *arguments: str) -> str:
    """The interpreter of a new virtual environment, into which pip has installed."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    made = str(next(path for path in folder.glob("*/python*") if path.stem == "python"))
    result = subprocess.run(
        [made, "-m", "pip", "install", "-q", "--only-binary", ":all:", *arguments],
        capture_output=True,
        text=True,
    )
    if result.returncode != 0:
        raise NotHereError(f"pip: {result.stderr.strip().splitlines()[-1]}")
    return made


def with_numpy(folder: Path, requirement: str) -> str:
    """All that is installed here, but for NumPy."""
    made = install(sys.executable, folder, "--no-deps", requirement)
    packages = subprocess.check_output(
        [made, "-c", "import site; print(site.getsitepackages()[0])"], text=True
    )
    borrowed = [entry for entry in sys.path if entry.endswith("-packages")]
    Path(packages.strip(), "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    return made


@functools.cache
def environment_with(which: str, folder: Path) -> str:
    """The interpreter of the environment with the newest or the oldest libraries."""
    if which == "oldest":
        requirement = next(each for each in PROJECT["dependencies"] if each.startswith("numpy>="))
        return with_numpy(folder / f"with-{which}", requirement.replace(">=", "=="))
    python = newest_interpreter()
    if python == sys.executable:
        return with_numpy(folder / f"with-{which}", "numpy")
    pinned = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    constraints = folder / "constraints.txt"
    constraints.write_text(
        re.sub(r"^(numpy|torch)==.*\n", "", pinned, flags=re.MULTILINE), encoding="utf-8"
    )
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *extras["all"], *extras["test"]]
    wanted = [each for each in wanted if not each.startswith(("torch", "bigram"))]
    return install(python, folder / f"with-{which}", "-c", str(constraints), *wanted)


def libraries(run: Run, which: str) -> None:
    with MAKING:
        run.python = environment_with(which, run.scratch.parent)
    run.notes += subprocess.check_output([run.python, "-c", LIBRARIES], text=True).splitlines()


newest = functools.partial(libraries, which="newest")
oldest = functools.partial(libraries, which="oldest")


class Machine(NamedTuple):
    what: str
    traits: tuple[Trait, ...]


# Libraries first: they decide which instruction sets NumPy knows.
MACHINES = {
    "here": Machine("as it is", ()),
    "avx2": Machine("torch and NumPy held to AVX2, two threads", (avx2, two_threads)),
    "baseline": Machine("torch and NumPy at their baseline, one thread", (baseline, one_thread)),
    "plain": Machine("a plain ASCII terminal of 40 columns, two busy processes", (plain_and_busy,)),
    "random": Machine("random order in another folder, no home, no text", (elsewhere,)),
    "haswell": Machine("OpenBLAS as on Haswell", (haswell,)),
    "skylakex": Machine("OpenBLAS as on SkylakeX", (skylakex,)),
    "newest": Machine("the newest interpreter at hand, the newest NumPy", (newest,)),
    "oldest": Machine("the oldest NumPy of the range", (oldest,)),
}
AXES: tuple[dict[str, Trait | None], ...] = (
    {"": None, "newest": newest, "oldest": oldest},
    {"": None, "avx2": avx2, "baseline": baseline, "haswell": haswell, "skylakex": skylakex},
    {"": one_thread, "two-threads": two_threads, "plain": plain_and_busy, "random": elsewhere},
)


def full() -> dict[str, Machine]:
    """Every machine that the traits make."""
    machines = {}
    for chosen in itertools.product(*(axis.items() for axis in AXES)):
        name = "+".join(name for name, _ in chosen if name) or "here"
        machines[name] = Machine(name, tuple(trait for _, trait in chosen if trait))
    return machines


# Runs.


class Result(NamedTuple):
    line: str
    failures: str  # as pytest prints them


@contextlib.contextmanager
def busy(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    """So many processes that do nothing but compute; should this one be killed, they end too."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(count)]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def try_machine(name: str, machine: Machine, scratch: Path, seed: int, select: str) -> Result:
    """Runs the tests on one machine."""
    folder = scratch / name
    folder.mkdir()
    run = Run(folder, seed)
    try:
        for trait in machine.traits:
            trait(run)
    except NotHereError as reason:
        return Result(f"{name:10} not simulated: {reason}", "")
    command = [run.python, "-m", "pytest", "-q", "--tb=short", *run.options]
    command += ["-p", "no:cacheprovider", f"--rootdir={ROOT}", f"--basetemp={folder / 'tests'}"]
    command += ["-c", str(ROOT / "pyproject.toml")]
    command += ["-m", "not browser", "-k", select, str(ROOT / "tests")]
    begun, printed = time.perf_counter(), folder / "printed"
    with busy(run.neighbours), printed.open("wb") as file:
        try:
            status = subprocess.run(
                command,
                cwd=run.folder,
                env=run.environment,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=HANG,
            ).returncode
        except subprocess.TimeoutExpired:
            file.write(f"\nnot done after {HANG} s".encode())
            status = 1
    seconds = time.perf_counter() - begun
    output = printed.read_text(encoding="utf-8", errors="replace")
    summary = output.strip().rpartition("\n")[2]
    counts = {
        word.removesuffix("s"): int(number) for number, word in re.findall(r"(\d+) (\w+)", summary)
    }
    failed = counts.get("failed", 0) + counts.get("error", 0)
    if status != 0:
        failed = max(failed, 1)  # stopped before any test
    line = (
        f"{name:10} {counts.get('passed', 0):5} passed {failed:4} failed "
        f"{counts.get('skipped', 0):4} skipped"
    )
    described = "; ".join([machine.what, *run.notes])
    return Result(f"{line} {seconds:5.0f} s  {described}", output if failed else "")


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.machines", description="The tests on simulated machines."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="of machines (default: all of --list)"
    )
    parser.add_argument(
        "--full", action="store_true", help="every machine that the traits make: hours"
    )
    parser.add_argument(
        "--list", action="store_true", help="the names of the machines, and nothing is run"
    )
    parser.add_argument("--seed", type=int, help="of the random order (default: another each time)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count(), help="machines at a time (default: one a core)"
    )
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="of pytest: these tests alone")
    args = parser.parse_args(arguments)
    machines = full() if args.full else MACHINES
    if unknown := [name for name in args.names if name not in machines]:
        parser.error(f"there is no machine {unknown[0]}; there are {', '.join(machines)}")
    chosen = {name: machines[name] for name in args.names or machines}
    if args.list:
        print("\n".join(f"{name:10} {machine.what}" for name, machine in chosen.items()))
        return 0
    seed = random.SystemRandom().randrange(10**6) if args.seed is None else args.seed
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(args.jobs) as pool:
        runs = [
            pool.submit(try_machine, name, machine, Path(scratch), seed, args.k)
            for name, machine in chosen.items()
        ]
        results = []
        for run in as_completed(runs):
            results.append(run.result())
            print(results[-1].line, flush=True)
        failures = [result for result in results if result.failures]
        for result in failures:
            print(f"\n== {result.line}\n{result.failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
