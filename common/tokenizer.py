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
        """``characters``: any text, or any characters; repeats and order do not
        matter."""
        self.vocab: tuple[str, ...] = tuple(sorted(set(characters)))
        self.vocab_size: int = len(self.vocab)
        if self.vocab_size == 0:
            raise UserError("no characters to make a vocabulary of; give at least one")
        self.stoi: dict[str, int] = {ch: i for i, ch in enumerate(self.vocab)}
        self.itos: dict[int, str] = dict(enumerate(self.vocab))
        # Ids run from 0 to V - 1, so 256 characters still fit in one byte each.
        self.dtype = np.min_scalar_type(self.vocab_size - 1)

    def encode(self, text: str) -> NDArray[np.unsignedinteger]:
        """Ids of the characters of ``text``, ``(len(text),)``, in the smallest unsigned
        type that holds V - 1. Raises ``UserError`` at the first character not in
        ``vocab``."""
        try:
            return np.array([self.stoi[ch] for ch in text], dtype=self.dtype)
        except KeyError as error:
            ch = error.args[0]
            raise UserError(
                f"character {ch!a} (U+{ord(ch):04X}) at position {text.index(ch)} is "
                f"not one of the {self.vocab_size} in the vocabulary; encode only "
                "characters of the corpus"
            ) from None

    def decode(self, ids: ArrayLike) -> str:
        """The text of ``ids``, a sequence ``(n,)`` of any integer type. Raises
        ``UserError`` at the first id outside [0, V), and ``TypeError`` for anything but
        integers in one dimension."""
        ids = np.asarray(ids)
        if ids.size == 0:
            return ""
        if ids.ndim != 1 or ids.dtype.kind not in "iu":
            raise TypeError(
                f"ids must be integers in one dimension, not {ids.dtype} of shape "
                f"{ids.shape}"
            )
        try:
            return "".join([self.itos[i] for i in ids.tolist()])
        except KeyError as error:
            i = error.args[0]
            raise UserError(
                f"id {i} at position {ids.tolist().index(i)} is not in the vocabulary; "
                f"ids run from 0 to {self.vocab_size - 1}"
            ) from None
