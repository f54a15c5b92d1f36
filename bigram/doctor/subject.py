"""Runs the reader's own function or class, in this process or in a separate one, where it may
raise, hang, crash or print: the answer here is a result or one line that says why there is none.

The last part of this file, ``main``, runs in the other process.
"""

import contextlib
import importlib
import importlib.util
import inspect
import os
import pickle
import queue
import re
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import IO, Any, NamedTuple

from bigram.doctor.interfaces import CannotCall, Complaint, SinglePrecision, message_of
from common.errors import UserError

OWN_PACKAGES = ("common", "impl_numpy", "impl_torch", "tests", "tools", "benchmarks")
_loading: list[
    tuple[ModuleType, str]
] = []  # in the other process: the module it loads, and the name it looks for


class Here:
    """Calls the subject in this process. ``loaded``: whether torch is, afterwards."""

    def __init__(self, subject: Callable[..., Any], limit: float | None) -> None:
        self.function, self.limit = subject, limit
        self.prepared: Any = None

    def __call__(self, call: Any) -> Any:
        try:
            with time_limit(self.limit):
                if self.prepared is None:
                    self.prepared = call.prepared(self.function)
                return call.run(self.prepared)
        except CannotCall:
            raise
        except KeyboardInterrupt:
            if self.limit is not None:  # the reader's own Ctrl-C
                raise
            return Complaint("it was interrupted")
        except TimeIsUp:
            return Complaint(f"it ran longer than {self.limit:g} s")
        except BaseException as error:
            return Complaint(one_line(error, "it raised "))

    @property
    def called(self) -> str:
        """One line: how it was called."""
        return getattr(self.prepared, "called", "")

    @property
    def torch_loaded(self) -> bool:
        """Whether torch is loaded where the subject runs."""
        return "torch" in sys.modules

    def close(self) -> None:
        """Nothing is open."""


class Apart:
    """Calls the subject in a fresh interpreter. Raises ``UserError`` if there is no such thing.

    ``subject``: "PATH.py:NAME" or "module:name". ``limit``: seconds for each call, and for the
    import.
    """

    def __init__(self, subject: str, limit: float) -> None:
        self.limit = limit
        self.called = ""
        self.torch_loaded = False
        path = [str(Path(entry or ".").resolve()) for entry in sys.path]
        code = f"import sys; sys.path[:] = {path!r}; from {__name__} import main; main({subject!r})"
        # inherited: at a terminal both are sent it, and one of them can answer
        with _ctrl_c_ignored():
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        self.answers: queue.Queue[Any] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        loaded = self._answer(max(limit, 60.0))
        if isinstance(loaded, Complaint):
            self.close()
            raise UserError(f"{subject}: {loaded.what}")

    def __call__(self, call: Any) -> Any:
        assert self.process.stdin
        with contextlib.suppress(OSError):  # it may have died since: the answer will say so
            pickle.dump(call, self.process.stdin)
            self.process.stdin.flush()
        answer = self._answer(self.limit)
        if isinstance(answer, Complaint):
            return answer
        answer, self.called, self.torch_loaded = answer
        if isinstance(answer, CannotCall):
            raise answer
        return answer

    def _listen(self) -> None:
        assert self.process.stdout
        # ValueError: it is closed, for no answer is waited for any more.
        with contextlib.suppress(EOFError, OSError, ValueError, pickle.UnpicklingError):
            while True:
                self.answers.put(pickle.load(self.process.stdout))
        self.answers.put(EOFError)

    def _answer(self, limit: float) -> Any:
        try:
            answer = self.answers.get(timeout=limit)
        except queue.Empty:
            return Complaint(f"it ran longer than {limit:g} s")
        if answer is EOFError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            return Complaint(f"it ended the process (exit status {self.process.returncode})")
        return answer

    def close(self) -> None:
        """Ends the process."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):  # an answer that was not sent cannot be
                if stream:
                    stream.close()


class Asked(NamedTuple):
    """The answers of a subject to the calls, up to the first complaint."""

    answers: list[Any]
    complaint: str | None  # and the case that it is about
    called: str  # one line: how it was called
    torch_loaded: bool  # whether torch is, where the subject runs


def ask(
    subject: str | Callable[..., Any], calls: Iterable[tuple[str, Any]], limit: float, isolate: bool
) -> Asked:
    """Calls the subject for one named case after the other; with ``isolate`` in a fresh
    interpreter, where it is found by file or module. Raises ``SinglePrecision`` where its library
    has no float64."""
    answers: list[Any] = []
    complaint = None
    runner = (
        Apart(subject if isinstance(subject, str) else name_of(subject), limit)
        if isolate
        else Here(_loaded(subject), limit)
    )
    with contextlib.closing(runner):
        for name, call in calls:
            answer = runner(call)
            if isinstance(answer, SinglePrecision):
                raise answer
            if isinstance(answer, Complaint):
                complaint = f"on the case '{name}' {answer.what}"
                break
            answers.append(answer)
    return Asked(answers, complaint, runner.called, runner.torch_loaded)


def _loaded(subject: str | Callable[..., Any]) -> Callable[..., Any]:
    if not isinstance(subject, str):
        return subject
    try:
        return load(subject)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{subject}: {one_line(error, 'could not be loaded: ')}") from error


class TimeIsUp(BaseException):
    """The time limit of a call in this process; no ``except Exception`` of the reader's catches
    it."""


@contextlib.contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raises ``TimeIsUp`` in anything that runs longer; None is no limit. Where there is no such
    alarm, as on Windows or outside the main thread, nothing is interrupted."""
    usable = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    # another alarm is set: leave it alone
    if not usable or seconds is None or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise TimeIsUp

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # which alone may say so
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


# --- its name and its module ----------------------------------------------------------------------


def name_of(function: Callable[..., Any]) -> str:
    """The string by which a fresh interpreter finds ``function``: "module:name", or "PATH.py:name"
    if it is in the script that runs. Raises ``UserError`` where it can only be called in this
    process."""
    name = getattr(function, "__qualname__", "<")
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    if "<" in name or module is None or inspect.ismethod(function):
        raise UserError(
            "isolate=True needs a function or class that a fresh interpreter can find by name; a "
            "lambda, a partial, a method of an object or an inner function is checked in this "
            "process, without isolate"
        )
    if module.__name__ != "__main__":
        return f"{module.__name__}:{name}"
    path = getattr(module, "__file__", None)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if not path or not os.path.isfile(path) or found is not function:
        raise UserError(
            f"isolate=True needs a file, and {name} is defined in a notebook cell or at a prompt; "
            "leave isolate out, or move it to a .py file"
        )
    return f"{path}:{name}"


def load(subject: str) -> Callable[..., Any]:
    """The function or class that ``subject`` names. Raises ``UserError`` if it names none."""
    place, colon, name = subject.rpartition(":")
    if not (place and colon and name):
        raise UserError("name it as PATH.py:FUNCTION or module:function")
    if place.endswith(".ipynb"):
        raise UserError(
            f"{place} is a notebook; in a cell below {name}, write: from bigram import check; "
            f"check({name})"
        )
    if place.endswith(".py"):
        module = _load_file(place, name)
    else:
        sys.path.insert(0, str(Path.cwd()))
        module = _imported(place)
    found: Any = module
    owner: Any = None
    for part in name.split("."):
        owner, found = found, getattr(found, part, None)
    if not callable(found):
        names = [n for n, v in vars(module).items() if callable(v) and not n.startswith("_")]
        raise UserError(f"{place} has no function {name}; it has {', '.join(names[:8]) or 'none'}")
    if inspect.isclass(owner) and inspect.isfunction(found):
        parameters = list(inspect.signature(found).parameters)
        if parameters[:1] == ["self"]:
            raise UserError(
                f"{name} is a method; name a function that makes the object and calls it, or check "
                f"{owner.__name__}(...).{found.__name__} from Python"
            )
    return found


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise _ours_instead(error) or error from None


def _ours_instead(error: ModuleNotFoundError) -> UserError | None:
    """The error to raise where the reader's own package has the name of one of this clone's."""
    top, _, rest = (error.name or "").partition(".")
    # a wheel has none
    if top not in OWN_PACKAGES or not rest or UserError.__module__ != "common.errors":
        return None
    return UserError(
        f"could not be loaded: {error.name} is not in this project's own package {top}, which "
        "hides yours; install the project as a wheel (pip install PATH_OF_THE_CLONE), which has "
        "no such name"
    )


def _load_file(place: str, name: str) -> ModuleType:
    path = Path(place)
    if not path.is_file():
        raise UserError(f"there is no file {place}")
    path = path.resolve()
    packages: list[Path] = []
    root = path.parent
    while (root / "__init__.py").is_file():
        packages.insert(0, root)
        root = root.parent
    sys.path.append(str(root))
    parts = [*(package.name for package in packages), path.stem]
    # Under a separate name: a reader's numpy.py or common.py must not take another's place.
    parts[0] = f"subject_{parts[0]}"
    for depth, package in enumerate(packages, start=1):
        _execute(".".join(parts[:depth]), package / "__init__.py", True, "")
    return _execute(".".join(parts), path, False, name)


class LoadedSoFar(BaseException):
    """A script that is being loaded calls ``check`` itself: its definitions so far are enough."""


def _execute(name: str, path: Path, package: bool, wanted: str) -> ModuleType:
    if name in sys.modules and package:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(
        name, path, submodule_search_locations=[str(path.parent)] if package else None
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _loading.append((module, wanted))
    try:
        spec.loader.exec_module(module)
    except LoadedSoFar:
        pass
    except ModuleNotFoundError as error:
        raise _ours_instead(error) or error from None
    finally:
        _loading.pop()
    return module


def stop_if_loaded() -> None:
    """Called by ``check``: where a script that is being loaded calls it, and has defined by now
    what is to be checked, the rest of that script is not run again."""
    if _loading:
        module, wanted = _loading[-1]
        if wanted and hasattr(module, wanted.partition(".")[0]):
            raise LoadedSoFar


# --- the other process ----------------------------------------------------------------------------


def main(subject: str) -> None:
    """The process of the reader's code: loads it, then answers calls until the pipe is closed."""
    sys.argv[:] = [subject]
    given = os.fdopen(os.dup(0), "rb")
    taken = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # its input() finds the end of the file
    os.dup2(2, 1)  # all that it prints, from C too, goes to stderr: stdout is for the result
    try:
        _answer_calls(subject, given, taken)
    except (EOFError, KeyboardInterrupt):  # the pipe was closed
        pass
    except OSError:  # the reader's code closed the pipe, and the way out would complain of that
        os._exit(1)


def _answer_calls(subject: str, given: IO[bytes], taken: IO[bytes]) -> None:
    own = os.getpid()

    def send(answer: Any) -> None:
        if os.getpid() != own:  # it forked, and this is the other one
            os._exit(0)
        with contextlib.suppress(OSError, ValueError):  # this process may be killed, not ended
            sys.stdout.flush()
        pickle.dump(answer, taken)
        taken.flush()

    try:
        # the process that asks keeps the time, and can end this one
        here = Here(load(subject), limit=None)
    except BaseException as error:
        send(Complaint(one_line(error, "could not be loaded: ")))
        return
    send(None)
    while True:
        call = pickle.load(given)
        try:
            answer: Any = here(call)
        except CannotCall as error:
            answer = error
        send((answer, here.called, here.torch_loaded))


def one_line(error: BaseException, lead: str) -> str:
    """The error, and its line in the reader's own file, in one line."""
    text = message_of(error)
    if isinstance(error, UserError):
        return text[:500]
    # The line in the reader's own file, not in a library that it called.
    lines = [
        frame for frame in traceback.extract_tb(error.__traceback__) if _is_readers(frame.filename)
    ]
    where = f" (line {lines[-1].lineno} of {_shown(lines[-1].filename)})" if lines else ""
    name = " ".join(type(error).__name__.split())
    return f"{lead}{name}{': ' if text else ''}{text[:200]}{where}"


def _shown(filename: str) -> str:
    """The name of a file; a notebook compiles each cell as a file with a number for a name."""
    cell = re.search(r"ipykernel_\d+[/\\]\d+\.py$|^<ipython-input-", filename)
    return "the cell" if cell else Path(filename).name


def _is_readers(filename: str) -> bool:
    ours = str(Path(__file__).parent)
    installed = ("site-packages", "dist-packages", str(Path(contextlib.__file__).parent), "<frozen")
    return not any(part in filename for part in (ours, *installed))
