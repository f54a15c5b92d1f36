"""Proves that a run which was stopped and resumed is the run that never stopped, bit for bit, and
that what contradicts the run is refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bigram.bounds import weight_bound
from bigram.cli import main
from bigram.runs import records, train
from bigram.runs.alone import Alone
from bigram.runs.checkpoint import Checkpoint, load_checkpoint
from bigram.runs.folder import RunFolder, checkpoints, newest_checkpoint
from bigram.runs.generate import generate
from common.config import Config
from common.text.corpus import Corpus, load_corpus
from common.training import initial_table
from impl_numpy.trainer import NumpyTrainer

TEXT = "To be, or not to be: that is the question.\n" * 3
SCHEDULE = Config(max_iters=25, eval_interval=10, batch_size=4, seed=3)
BACKENDS = ["numpy", "torch"]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    path = tmp_path / "hamlet.txt"
    path.write_text(TEXT, encoding="utf-8")
    return load_corpus(path)


@pytest.fixture(autouse=True)
def _torch_where_it_is_asked_for(request: pytest.FixtureRequest) -> None:
    if hasattr(request.node, "callspec") and "torch" in request.node.callspec.params.values():
        pytest.importorskip("torch")


class Run:
    """What one process would do: train into a folder, from its newest checkpoint if there is
    one."""

    def __init__(
        self,
        corpus: Corpus,
        config: Config,
        backend: str,
        path: Path,
        stop_after: int | None = None,
    ) -> None:
        self.evaluations: list[str] = []
        self.taken: list[Any] = []  # every batch, and the loss on it
        self.reached = 0
        with RunFolder(path, resume=path.exists()) as folder:
            run = train.Run(
                corpus, config, Alone().trainer_maker(backend, "cpu", "", bool), folder.checkpoint
            )
            finished = run.finish(
                folder, self.evaluations.append, self.on_step, lambda: self.reached == stop_after
            )
        self.history = run.history
        self.sample = run.record(backend, 0.0).sample.text if finished else None
        self.files = {path.name: path.read_bytes() for path in checkpoints(path)}

    def on_step(self, step: int) -> None:
        self.reached = step


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list:
    """Every batch that any trainer is given, with the loss that it returns."""
    seen: list = []
    make = records.make_trainer

    def make_and_watch(*args: Any) -> Any:
        trainer: Any = make(*args)
        step = trainer.step

        def watched(idx: np.ndarray, targets: np.ndarray) -> float:
            loss = step(idx, targets)
            seen.append((idx.tobytes(), targets.tobytes(), loss))
            return loss

        trainer.step = watched
        return trainer

    monkeypatch.setattr(records, "make_trainer", make_and_watch)
    return seen


@pytest.mark.parametrize("stops", [[0], [10], [13], [7, 8, 20], [25]], ids=str)
@pytest.mark.parametrize("eval_iters", [None, 3], ids=["exact", "sampled"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_resumed_run_is_the_run_that_never_stopped(
    corpus: Corpus,
    tmp_path: Path,
    batches: list,
    backend: str,
    eval_iters: int | None,
    stops: list[int],
) -> None:
    config = replace(
        SCHEDULE, eval_iters=eval_iters, dtype="float64" if stops == [13] else "float32"
    )
    whole = Run(corpus, config, backend, tmp_path / "whole")
    expected = batches.copy()
    batches.clear()
    parts = [Run(corpus, config, backend, tmp_path / "parts", stop) for stop in [*stops, None]]
    assert batches == expected  # and the losses
    assert len(expected) == 25
    assert [line for part in parts for line in part.evaluations] == whole.evaluations
    assert [row for part in parts for row in part.history] == whole.history
    assert parts[-1].sample == whole.sample is not None
    # Table, moments, both generators, config: all that is in the file.
    last = "step-25.safetensors"
    assert parts[-1].files[last] == whole.files[last]
    assert list(whole.files) == [last, "step-20.safetensors"]  # the last two


@pytest.mark.parametrize(("first", "then"), [("numpy", "torch"), ("torch", "numpy")])
def test_the_other_backend_goes_on_with_a_run(
    corpus: Corpus, tmp_path: Path, batches: list, first: str, then: str
) -> None:
    pytest.importorskip("torch")
    whole = Run(corpus, SCHEDULE, then, tmp_path / "whole")
    expected = [batch[:2] for batch in batches]
    batches.clear()
    Run(corpus, SCHEDULE, first, tmp_path / "parts", 13)
    resumed = Run(corpus, SCHEDULE, then, tmp_path / "parts")
    assert [batch[:2] for batch in batches] == expected
    ours, theirs = (newest_checkpoint(tmp_path / name)[0] for name in ("parts", "whole"))
    assert (ours.rng_state, ours.step) == (theirs.rng_state, theirs.step)
    assert (abs(ours.table - theirs.table) <= weight_bound(SCHEDULE, "cpu")).all()
    assert resumed.sample == whole.sample
    assert generate(ours, "to ", 20, None, first, "cpu").text == (
        generate(ours, "to ", 20, None, then, "cpu").text
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_can_be_made_longer(corpus: Corpus, tmp_path: Path, backend: str) -> None:
    longer = replace(SCHEDULE, max_iters=40)
    whole = Run(corpus, longer, backend, tmp_path / "whole")
    first = Run(corpus, SCHEDULE, backend, tmp_path / "parts")
    second = Run(corpus, longer, backend, tmp_path / "parts")
    assert second.files["step-40.safetensors"] == whole.files["step-40.safetensors"]
    assert first.evaluations[:-1] + second.evaluations == whole.evaluations
    assert first.evaluations[-1].startswith("step     25")  # the end that was not one


def test_a_finished_run_writes_its_sample_again(corpus: Corpus, tmp_path: Path) -> None:
    whole = Run(corpus, SCHEDULE, "numpy", tmp_path / "run")
    again = Run(corpus, SCHEDULE, "numpy", tmp_path / "run")
    assert (again.history, again.sample) == ([], whole.sample)
    assert again.files == whole.files


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_both_trainers_are_restored_bit_for_bit_and_share_no_memory(
    rng: np.random.Generator, dtype: str
) -> None:
    pytest.importorskip("torch")
    from impl_torch.trainer import TorchTrainer

    config = Config(dtype=dtype)
    table, exp_avg, square = (initial_table(5, dtype, rng) for _ in range(3))
    before = [a.copy() for a in (table, exp_avg, square**2)]
    for cls in (NumpyTrainer, TorchTrainer):
        trainer = cls(table, config)
        moments = (exp_avg.T.copy().T, square**2)  # the first in Fortran order
        trainer.restore(*moments, 3)
        state = trainer.state()
        for restored, given in zip(
            (state.weight, state.exp_avg, state.exp_avg_sq), before, strict=True
        ):
            assert restored.tobytes() == given.tobytes()
            assert restored.dtype == dtype
        trainer.step(*rng.integers(5, size=(2, 3, 4)))
        np.testing.assert_array_equal([table, *moments], before)


@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.9, 1 - 2**-27)])
def test_torch_stops_counting_at_2_to_the_24_and_so_does_a_resumed_run(
    rng: np.random.Generator, betas: tuple[float, float]
) -> None:
    torch = pytest.importorskip("torch")
    from impl_torch.trainer import TorchTrainer

    config = Config(dtype="float64", betas=betas)
    table, exp_avg, square = (initial_table(5, "float64", rng) for _ in range(3))
    batches = rng.integers(5, size=(6, 2, 3, 4))
    ours, whole = NumpyTrainer(table, config), TorchTrainer(table, config)
    ours.restore(exp_avg, square**2, 2**24 - 2)
    whole.restore(exp_avg, square**2, 2**24 - 2)
    for batch in batches[:5]:
        whole.step(*batch)
        ours.step(*batch)
    steps = whole.optimizer.state[whole.model.token_embedding_table.weight]["step"]
    assert (steps.dtype, int(steps), ours.optimizer.steps) == (torch.float32, 2**24, 2**24 + 3)
    state = whole.state()
    resumed = TorchTrainer(state.weight, config)
    resumed.restore(state.exp_avg, state.exp_avg_sq, 2**24 + 3)
    for trainer in (whole, resumed, ours):
        trainer.step(*batches[5])
    np.testing.assert_array_equal(resumed.state(), whole.state())
    # With the schedule's betas both corrections are 1 long before, and nothing is lost.
    difference = abs(ours.state().weight - whole.state().weight).max()
    assert difference <= 1e-15 if betas[1] == 0.999 else difference > 1e-12


def test_a_broken_newest_checkpoint_is_gone_back_from(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run"
    whole = Run(corpus, SCHEDULE, "numpy", path)
    newest = path / "step-25.safetensors"
    newest.write_bytes(whole.files[newest.name][:-1])
    command = [
        "train",
        "--backend",
        "numpy",
        "--corpus",
        str(tmp_path / "hamlet.txt"),
        "--out",
        str(path),
    ]
    assert main([*command, "--resume"]) == 0
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith(f"bigram: cannot load {newest}: it holds ")
    assert errors[0].endswith("; going back to step-20.safetensors")
    assert errors[1] == f"bigram: going on with {path} after step 20"
    assert {p.name: p.read_bytes() for p in checkpoints(path)} == whole.files

    for file in checkpoints(path):
        file.write_bytes(b"")
    for arguments in ([*command, "--resume"], ["generate", "--model", str(path)]):
        assert main(arguments) == 2
        assert capsys.readouterr().err == (
            f"bigram: cannot load {newest}: it is cut off, or no safetensors file\n"
        )


CONTRADICTIONS: list[tuple[list[str], str]] = [
    (["--lr", "0.5"], "--lr is 0.5 and the run was begun with 0.001"),
    (["--dtype", "float64"], "--dtype is float64 and the run was begun with float32"),
    (["--seed", "4"], "--seed is 4 and the run was begun with 3"),
    (["--batch-size", "5"], "--batch-size is 5 and the run was begun with 4"),
    (["--block-size", "5"], "--block-size is 5 and the run was begun with 8"),
    (["--eval-interval", "5"], "--eval-interval is 5 and the run was begun with 10"),
    (["--eval-iters", "5"], "--eval-iters is 5 and the run was begun with None"),
    (["--weight-decay", "0"], "--weight-decay is 0.0 and the run was begun with 0.01"),
    (["--steps", "24"], "--steps is 24 and the run has already made 25 updates"),
    (["--lr", "nan"], "--lr is nan"),
]


@pytest.mark.parametrize(("options", "error"), CONTRADICTIONS, ids=lambda value: str(value)[:16])
def test_options_that_contradict_the_run_are_refused(
    corpus: Corpus,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    error: str,
) -> None:
    path = tmp_path / "run"
    before = Run(corpus, SCHEDULE, "numpy", path).files
    command = [
        "train",
        "--backend",
        "numpy",
        "--corpus",
        str(tmp_path / "hamlet.txt"),
        "--out",
        str(path),
    ]
    same = ["--lr", "0.001", "--seed", "3", "--eval-interval", "10", "--steps", "25"]
    assert main([*command, "--resume", *same]) == 0
    capsys.readouterr()
    assert main([*command, "--resume", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert error in printed.err
    assert {p.name: p.read_bytes() for p in checkpoints(path)} == before


def test_another_text_is_refused(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, text = tmp_path / "run", tmp_path / "hamlet.txt"
    before = Run(corpus, SCHEDULE, "numpy", path).files
    text.write_text(TEXT.replace("question", "questiom"), encoding="utf-8")
    arguments = [
        "train",
        "--backend",
        "numpy",
        "--corpus",
        str(text),
        "--out",
        str(path),
        "--resume",
    ]
    assert main([*arguments, "--steps", "50"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "the text is 'hamlet.txt' with sha256 " in printed.err
    assert f"begun on 'hamlet.txt' with {corpus.sha256[:12]}...; give that text" in printed.err
    assert {p.name: p.read_bytes() for p in checkpoints(path)} == before


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--resume"], "--resume goes on with a run that was saved; say which with --out RUN"),
        (["--resume", "--out", "NEW"], "NEW: No such file or directory"),
        (["--resume", "--out", "EMPTY"], "EMPTY holds no checkpoint; train a model into it first"),
        (
            ["--out", "RUN"],
            "RUN holds a run already, saved after 25 updates; resume it, or give another folder",
        ),
        (["--out", ""], "--out names no folder; give one, or leave the option out"),
        (["--out", "hamlet.txt"], "hamlet.txt: File exists"),
        (["--out", "hamlet.txt/RUN"], "RUN: Not a directory"),
    ],
)
def test_a_folder_that_does_not_fit_is_refused(
    corpus: Corpus,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    error: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "EMPTY").mkdir()
    before = Run(corpus, SCHEDULE, "numpy", tmp_path / "RUN").files
    assert main(["train", "--backend", "numpy", "--corpus", "hamlet.txt", *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert error in printed.err
    assert {p.name: p.read_bytes() for p in checkpoints(tmp_path / "RUN")} == before
    assert not (tmp_path / "NEW").exists()


@pytest.fixture
def saved(corpus: Corpus, tmp_path: Path) -> Callable[[str], tuple[Path, Checkpoint, str | None]]:
    def save(backend: str) -> tuple[Path, Checkpoint, str | None]:
        run = Run(corpus, SCHEDULE, backend, tmp_path / "run")
        path = tmp_path / "run" / "step-25.safetensors"
        return path, load_checkpoint(path), run.sample

    return save


@pytest.mark.parametrize("trained", BACKENDS)
@pytest.mark.parametrize("writes", BACKENDS)
def test_a_saved_model_writes_what_train_wrote(
    saved: Callable, capsys: pytest.CaptureFixture[str], trained: str, writes: str
) -> None:
    path, _, sample = saved(trained)
    for model in (path, path.parent):
        assert main(["generate", "--model", str(model), "--backend", writes]) == 0
        assert capsys.readouterr() == (f"{sample}\n", "")
    assert main(["generate", "--model", str(path), "--backend", writes, "--tokens", "40"]) == 0
    assert capsys.readouterr().out == f"{sample[:40]}\n"
    assert main(["generate", "--model", str(path), "--backend", writes, "--seed", "99"]) == 0
    assert capsys.readouterr().out != f"{sample}\n"


def test_a_prompt_is_continued(saved: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    path, checkpoint, _ = saved("numpy")
    arguments = [
        "generate",
        "--model",
        str(path),
        "--prompt",
        "not to b",
        "--tokens",
        "7",
        "--seed",
        "5",
    ]
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert text.startswith("not to b")
    assert len(text) == 8 + 7 + 1
    assert main([*arguments, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["text"] == text[:-1]
    assert (record["prompt"], record["step"]) == ("not to b", 25)
    assert record["config"]["seed"] == 5
    assert record["corpus"] == {"name": "hamlet.txt", "sha256": checkpoint.corpus_sha256}
    # A bigram model continues the last character alone.
    again = generate(checkpoint, "b", 7, 5, "numpy", "cpu").text
    assert again[1:] == text[8:-1]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (
            ["--prompt", "Zebra"],
            "character 'Z' (U+005A) at position 0 is not one of the 18 in the vocabulary",
        ),
        (["--prompt", "to \udcff"], "character '\\udcff' (U+DCFF) at position 3"),
        (["--tokens", "0"], "--tokens is 0; it must be at least 1 and at most 10,000,000"),
        (["--tokens", "-5"], "--tokens is -5"),
        (["--tokens", "99999999999999999999"], "--tokens is 99999999999999999999"),
        (["--seed", "-1"], "--seed is -1; it must be zero or more"),
        (["--device", "cuda"], "--device cuda is for torch"),
        (["--model", "nowhere"], "cannot read nowhere: No such file or directory"),
        (["--model", __file__], "it is cut off, or no safetensors file"),
    ],
)
def test_what_cannot_be_written_from_is_refused(
    saved: Callable, capsys: pytest.CaptureFixture[str], options: list[str], error: str
) -> None:
    assert main(["generate", "--model", str(saved("numpy")[0]), *options]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert error in printed.err
