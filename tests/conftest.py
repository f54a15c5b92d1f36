"""What several test files need: corpora that touch no network, and a seeded generator."""

import os
from pathlib import Path

import numpy as np
import pytest

from common.corpus import FILE, Corpus, load_corpus, surrogate_corpus


@pytest.fixture(scope="session")
def surrogate() -> Corpus:
    return surrogate_corpus()


@pytest.fixture(scope="session")
def shakespeare() -> Corpus:
    folder = os.environ.get("BIGRAM_DATA_DIR")
    if not folder or not (Path(folder) / FILE).exists():
        pytest.skip(f"no {FILE} in $BIGRAM_DATA_DIR")
    return load_corpus()


@pytest.fixture(params=["shakespeare", "surrogate"])
def corpus(request: pytest.FixtureRequest) -> Corpus:
    return request.getfixturevalue(request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
