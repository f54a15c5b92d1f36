"""Proves that the fast tokenizer does what the plain one does: the same ids in the same type, the
same text, and for what neither can do the same error, wherever in the text it is."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import UserError
from common.text import fast_tokenizer
from common.text.corpus import Corpus
from common.text.fast_tokenizer import FastTokenizer, alphabet, pieces
from common.tokenizer import CharTokenizer

# Any character at all: beyond 16 bits, NUL, and the lone halves of a surrogate pair, which no
# encoding has.
CHARACTERS = (
    st.characters()
    | st.characters(categories=["Cs"])
    | st.sampled_from("\0\n\x7f\x80ÿ\uffff\U0010ffff")
)
TEXTS = st.text(CHARACTERS, min_size=1, max_size=60)
TYPES = ["uint8", "int8", ">i2", "uint16", ">u4", "int64", "uint64"]


def outcome(function: Callable, argument: object) -> tuple:
    """What is returned, or what is raised and with which words."""
    try:
        result = function(argument)
    except (UserError, TypeError) as error:
        return type(error), str(error)
    if isinstance(result, np.ndarray):
        return result.tolist(), result.dtype, result.flags.writeable
    return result, type(result)


@pytest.fixture(params=[1, 3, 1 << 16], autouse=True, scope="module")
def piece(request: pytest.FixtureRequest) -> Iterator[None]:
    """Small enough for every text to have several, and as it is."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fast_tokenizer, "PIECE", request.param)
        yield


@given(corpus=TEXTS, text=TEXTS | st.just(""), known=st.booleans())
def test_the_fast_tokenizer_encodes_as_the_plain_one_does(
    corpus: str, text: str, known: bool
) -> None:
    corpus += text if known else ""
    ours, twin = FastTokenizer(corpus), CharTokenizer(corpus)
    assert ours.vocab == twin.vocab
    assert outcome(ours.encode, text) == outcome(twin.encode, text)


@given(
    corpus=TEXTS,
    ids=st.lists(st.integers(0, 70) | st.integers(-130, 127)),
    dtype=st.sampled_from(TYPES),
)
def test_the_fast_tokenizer_decodes_as_the_plain_one_does(
    corpus: str, ids: list[int], dtype: str
) -> None:
    ours, twin = FastTokenizer(corpus), CharTokenizer(corpus)
    assert outcome(ours.decode, ids) == outcome(twin.decode, ids)
    good = [i % twin.vocab_size for i in ids]
    for some in (np.array(ids, dtype=np.int64).astype(dtype), np.array(good, dtype=dtype)):
        assert outcome(ours.decode, some) == outcome(twin.decode, some)


@pytest.mark.parametrize("ids", [[], [[]], [0.0], [True], [[0, 1]], np.array(0), 2**70, [-1], [3]])
def test_what_is_no_row_of_ids_is_refused_alike(ids: object) -> None:
    assert outcome(FastTokenizer("abc").decode, ids) == outcome(CharTokenizer("abc").decode, ids)


@pytest.mark.parametrize("vocab_size", [1, 127, 128, 129, 255, 256, 257, 65535, 65536, 65537])
@pytest.mark.parametrize("first", [0, 0x10FFFF - 65537])
def test_every_id_where_the_type_changes(vocab_size: int, first: int) -> None:
    characters = "".join(map(chr, range(first, first + vocab_size)))
    ours, twin = FastTokenizer(characters), CharTokenizer(characters)
    text = characters if fast_tokenizer.PIECE > 3 else characters[:2] + characters[-2:]
    assert outcome(ours.encode, text) == outcome(twin.encode, text)
    assert ours.decode(ours.encode(text)) == text
    for stranger in map(
        chr, {first - 1, first + vocab_size, 0x10FFFF} - set(map(ord, characters)) - {-1}
    ):
        assert outcome(ours.encode, text[-5:] + stranger) == outcome(
            twin.encode, text[-5:] + stranger
        )
        assert "in the vocabulary" in outcome(ours.encode, stranger)[1]


@given(TEXTS | st.just(""))
def test_the_alphabet_is_every_character_once(text: str) -> None:
    assert list(alphabet(pieces(text))) == sorted(set(text))
    assert "".join(pieces(text)) == text


def test_a_real_text_comes_back_through_both_tokenizers(surrogate: Corpus) -> None:
    if fast_tokenizer.PIECE < 1000:
        pytest.skip("long: in pieces of the usual length only")
    ids = np.concatenate([surrogate.train, surrogate.val])
    twin = CharTokenizer(surrogate.tokenizer.vocab)
    assert isinstance(surrogate.tokenizer, FastTokenizer)
    text = twin.decode(ids)
    assert surrogate.tokenizer.decode(ids) == text
    np.testing.assert_array_equal(surrogate.tokenizer.encode(text), ids)
    np.testing.assert_array_equal(twin.encode(text), ids)
