"""Characters to ids and back: the simplest tokenizer there is, and an exact one.

It does not normalise, merge or drop anything: ``decode(encode(text)) == text``, always.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from common.errors import UserError


class CharTokenizer:
    """One id for each distinct character, in the order of their code points.

    >>> tokenizer = CharTokenizer("hello")
    >>> tokenizer.vocab, tokenizer.vocab_size
    (('e', 'h', 'l', 'o'), 4)
    >>> tokenizer.encode("hole")
    array([1, 3, 2, 0], dtype=uint8)
    >>> tokenizer.decode([1, 0, 2, 2, 3])
    'hello'
    """

    def __init__(self, characters: Iterable[str]) -> None:
        """``characters``: any text, or any characters; repeats and order do not matter."""
        self.vocab: tuple[str, ...] = tuple(sorted(set(characters)))
        self.vocab_size: int = len(self.vocab)
        if self.vocab_size == 0:
            raise UserError("no characters to make a vocabulary of; give at least one")
        self.stoi: dict[str, int] = {ch: i for i, ch in enumerate(self.vocab)}
        self.itos: dict[int, str] = dict(enumerate(self.vocab))
        # Ids run from 0 to V - 1, so 256 characters still fit in one byte each.
        self.dtype = np.min_scalar_type(self.vocab_size - 1)

        # `stoi` as an array over code points, with V where there is no such character; the
        # entry past the last known code point stands for everything beyond it.
        self._code_points = _code_points("".join(self.vocab))
        self._lookup = np.full(int(self._code_points[-1]) + 2, self.vocab_size, dtype=np.uint32)
        self._lookup[self._code_points] = np.arange(self.vocab_size)

    def encode(self, text: str) -> NDArray[np.unsignedinteger]:
        """Ids of the characters of ``text``, ``(len(text),)``, in the smallest unsigned type
        that holds V - 1. Raises ``UserError`` at the first character not in ``vocab``.

        The same as ``[stoi[ch] for ch in text]``, one array lookup instead of a loop.
        """
        ids = self._lookup[np.minimum(_code_points(text), len(self._lookup) - 1)]
        unknown = np.flatnonzero(ids == self.vocab_size)
        if unknown.size:
            at = int(unknown[0])
            raise UserError(
                f"character {text[at]!a} (U+{ord(text[at]):04X}) at position {at} is not one of the "
                f"{self.vocab_size} in the vocabulary; encode only characters of the corpus"
            )
        return ids.astype(self.dtype)

    def decode(self, ids: ArrayLike) -> str:
        """The text of ``ids``, a sequence ``(n,)`` of any integer type. Raises ``UserError`` at the
        first id outside [0, V), and ``TypeError`` for anything but integers in one dimension.

        The same as ``"".join(itos[i] for i in ids)``.
        """
        ids = np.asarray(ids)
        if ids.size == 0:
            return ""
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise TypeError(f"ids must be integers in one dimension, not {ids.dtype} of shape {ids.shape}")
        outside = np.flatnonzero((ids < 0) | (ids >= self.vocab_size))
        if outside.size:
            at = int(outside[0])
            raise UserError(
                f"id {ids[at]} at position {at} is not in the vocabulary; "
                f"ids run from 0 to {self.vocab_size - 1}"
            )
        return str(self._code_points[ids].tobytes(), "utf-32-le", "surrogatepass")


def _code_points(text: str) -> NDArray[np.uint32]:
    # UTF-32 is one code point in each four bytes. "surrogatepass" lets a lone surrogate through
    # to the vocabulary check, which names it better than the codec would.
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
