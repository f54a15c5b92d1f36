"""Proves that a checkpoint written by version 0.1.0 loads, is written again to the same bytes, and
resumes to the same bits. The expected run reads the file with safetensors and json alone."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

from bigram.cli import main
from bigram.runs.checkpoint import load_checkpoint, save_checkpoint
from common.batcher import Batcher
from common.config import Config
from common.text.corpus import load_corpus
from impl_numpy.fast.trainer import trainer_for

SAVED = Path(__file__).with_name("version-0.1.0.safetensors")  # after 10 steps of 20
TEXT = "abba cab " * 10


def test_an_earlier_checkpoint_is_written_again_to_the_same_bytes(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "again", load_checkpoint(SAVED))
    assert (tmp_path / "again").read_bytes() == SAVED.read_bytes()


def test_an_earlier_run_is_resumed_to_the_same_bits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "run"
    text.write_text(TEXT, encoding="utf-8")
    out.mkdir()
    (out / "step-10.safetensors").write_bytes(SAVED.read_bytes())
    assert (
        main(["train", "--backend", "numpy", "--corpus", str(text), "--out", str(out), "--resume"])
        == 0
    )
    assert "step     20   train " in capsys.readouterr().out

    with safe_open(SAVED, "numpy") as file:
        run = json.loads(file.metadata()["bigram"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    config = Config(**run["config"] | {"betas": tuple(run["config"]["betas"])})
    rng = np.random.default_rng()
    rng.bit_generator.state = run["rng"]
    batcher = Batcher(load_corpus(text).train, config.batch_size, config.block_size, rng)
    trainer = trainer_for(tensors["table"], config)
    trainer.restore(tensors["exp_avg"], tensors["exp_avg_sq"], run["step"])
    for _ in range(run["step"], config.max_iters):
        trainer.step(*batcher.get_batch())

    resumed, expected = load_checkpoint(out / "step-20.safetensors"), trainer.state()
    assert resumed.table.tobytes() == expected.weight.tobytes()
    assert resumed.exp_avg.tobytes() == expected.exp_avg.tobytes()
    assert resumed.exp_avg_sq.tobytes() == expected.exp_avg_sq.tobytes()
    assert resumed.rng_state == rng.bit_generator.state
