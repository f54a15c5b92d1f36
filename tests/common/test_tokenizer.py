"""Proves that the tokenizer is exact: what is encoded comes back, and what cannot be is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.tokenizer import CharTokenizer

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


@given(TEXTS)
def test_any_text_comes_back(text: str) -> None:
    tokenizer = CharTokenizer(text)
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids.tolist()) == text


@given(TEXTS)
def test_encoding_and_decoding_follow_the_dictionaries(text: str) -> None:
    tokenizer = CharTokenizer(text)
    assert tokenizer.encode(text).tolist() == [tokenizer.stoi[ch] for ch in text]
    assert tokenizer.decode(range(tokenizer.vocab_size)) == "".join(tokenizer.itos.values())


def test_vocabulary_is_sorted_by_code_point() -> None:
    tokenizer = CharTokenizer("b\U0001f600aé\nb")
    assert tokenizer.vocab == ("\n", "a", "b", "é", "\U0001f600")
    assert tokenizer.stoi == {"\n": 0, "a": 1, "b": 2, "é": 3, "\U0001f600": 4}
    assert tokenizer.itos == {i: ch for ch, i in tokenizer.stoi.items()}


@pytest.mark.parametrize(
    ("vocab_size", "dtype"),
    [(1, "uint8"), (256, "uint8"), (257, "uint16"), (65536, "uint16"), (65537, "uint32")],
)
def test_tokens_take_the_smallest_type(vocab_size: int, dtype: str) -> None:
    tokenizer = CharTokenizer(map(chr, range(0x10000, 0x10000 + vocab_size)))
    ids = tokenizer.encode(tokenizer.vocab[-1] + tokenizer.vocab[0])
    assert ids.dtype == dtype
    assert ids.tolist() == [vocab_size - 1, 0]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("abX", r"'X' \(U\+0058\) at position 2"),
        ("\U0001f600a", r"'\\U0001f600' \(U\+1F600\) at position 0"),
        ("a b", r"' ' \(U\+0020\) at position 1"),
        ("a\ud800", r"'\\ud800' \(U\+D800\) at position 1"),  # a lone surrogate
    ],
)
def test_an_unknown_character_is_named(text: str, named: str) -> None:
    with pytest.raises(UserError, match=named):
        CharTokenizer("\tab").encode(text)


@pytest.mark.parametrize(
    ("ids", "named"), [([0, 2], "id 2 at position 1"), ([-1], "id -1 at position 0")]
)
def test_an_id_out_of_range_is_named(ids: list[int], named: str) -> None:
    with pytest.raises(UserError, match=named):
        CharTokenizer("ab").decode(ids)


@pytest.mark.parametrize("ids", [[0.0], [True], [[0, 1]], np.array(0)])
def test_only_rows_of_integers_decode(ids: object) -> None:
    with pytest.raises(TypeError, match="integers in one dimension"):
        CharTokenizer("ab").decode(ids)  # type: ignore[arg-type]


def test_the_empty_text_encodes_and_decodes_to_nothing() -> None:
    tokenizer = CharTokenizer("a")
    assert tokenizer.encode("").tolist() == []
    assert tokenizer.decode([]) == ""
    with pytest.raises(UserError, match="no characters"):
        CharTokenizer("")
