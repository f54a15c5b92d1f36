"""Proves that the example of thirty lines runs as it stands, learns its text and writes like it."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from common.pairs import conditional_entropy, count_text_pairs
from common.tokenizer import CharTokenizer
from tests.kit import HANG, ROOT


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "examples.by_hand", *arguments],
        capture_output=True,
        encoding="utf-8",
        cwd=ROOT,
        check=True,
        timeout=HANG,
    ).stdout


@pytest.mark.parametrize("own", [False, True])
def test_the_example_learns_a_text_and_writes_its_pairs(tmp_path: Path, own: bool) -> None:
    from examples.by_hand import RHYME

    text = "she sells sea shells by the sea shore\n" * 50 if own else RHYME
    path = tmp_path / "text.txt"
    path.write_text(text, encoding="utf-8")
    printed = run(str(path)) if own else run()
    losses = [float(loss) for loss in re.findall(r"loss (\S+) nats", printed)]
    tokenizer = CharTokenizer(text)
    least = conditional_entropy(count_text_pairs(tokenizer.encode(text), tokenizer.vocab_size))
    assert len(losses) == 6
    assert losses[0] > 2.5 > least + 0.25 > losses[-1]
    written = printed[printed.rindex("nats\n") + 5 : -1]
    assert len(written) == 201
    pairs = {*pairwise(text)}
    assert sum(pair in pairs for pair in pairwise(written)) > 180
