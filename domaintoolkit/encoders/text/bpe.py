"""Byte-level BPE, learned and run by `tokenizers`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from domaintoolkit.encoders.base import BYTES

__all__ = ["BytePairs"]

SEEN = 2
"""A pair that occurs once makes no piece: it would only spell that one text."""

BATCH = 20_000
"""Texts in one call, which bounds the memory that the results take."""


def _alphabet() -> list[str]:
    """The character that stands for each byte in byte-level BPE (Radford et al. 2019, GPT-2)."""
    shown = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    spare = iter(range(BYTES, 2 * BYTES))
    return [chr(byte) if byte in shown else chr(next(spare)) for byte in range(BYTES)]


ALPHABET = _alphabet()
BYTE_OF = {character: byte for byte, character in enumerate(ALPHABET)}


class BytePairs:
    """A byte-level BPE model: the merges in their order. No string is special to it, and none is unknown."""

    def __init__(self, merges: Sequence[tuple[str, str]]) -> None:
        """Merges of pieces in the characters of `ALPHABET`; raises `ValueError` for one of pieces not there yet."""
        # the bytes are the numbers 0 to 255, then come the pieces in the order of their merges
        known = {character: byte for byte, character in enumerate(ALPHABET)}
        for left, right in merges:
            if left not in known or right not in known:
                raise ValueError(f"the merge of {left!r} and {right!r} comes before them")
            known.setdefault(left + right, len(known))
        self._merges = [(left, right) for left, right in merges]
        self.pieces = tuple(bytes(BYTE_OF[character] for character in piece) for piece in list(known)[BYTES:])
        self._tokenizer = _tokenizer(BPE(known, self._merges))

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> BytePairs:
        """Learn at most `size` pieces; the same whatever the order of `texts`."""
        if size == 0:
            return cls([])
        tokenizer = _tokenizer(BPE())
        trainer = BpeTrainer(
            vocab_size=BYTES + size,
            min_frequency=SEEN,
            show_progress=False,
            # all bytes, so that no text is unknown, whatever was seen in training
            initial_alphabet=ALPHABET,
            special_tokens=[],
        )
        tokenizer.train_from_iterator(texts, trainer)
        merges = json.loads(tokenizer.to_str())["model"]["merges"]
        return cls([(left, right) for left, right in merges])

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(numbers, lengths): the pieces of each text, flat, and how many; byte b is the number -1 - b."""
        numbers, lengths = [np.empty(0, np.int64)], np.empty(len(texts), np.int64)
        for start in range(0, len(texts), BATCH):
            found = self._tokenizer.encode_batch_fast(texts[start : start + BATCH], add_special_tokens=False)
            ids = [one.ids for one in found]
            lengths[start : start + len(ids)] = [len(one) for one in ids]
            numbers.append(np.array(list(chain.from_iterable(ids)), np.int64))
        # (pieces of all texts,) the first numbers of the model are the bytes
        flat = np.concatenate(numbers)
        return np.where(flat < BYTES, -1 - flat, flat - BYTES), lengths

    def to_json(self) -> dict[str, Any]:
        return {"merges": [[left, right] for left, right in self._merges]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> BytePairs:
        return cls([(str(left), str(right)) for left, right in data["merges"]])


def _tokenizer(model: BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=True)
    return tokenizer
