"""A unigram language model over text pieces with byte fallback, learned and run by SentencePiece."""

from __future__ import annotations

import io
import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Any

import numpy as np
import sentencepiece
from numpy.typing import NDArray

from domaintoolkit.encoders.base import BYTES

__all__ = ["Unigram"]

SPACE = "\u2581"
"""SentencePiece's own sign for a space, while it learns; in text it would be taken for one."""

END = "\uffff"
"""A character that texts should not have; strings that have it are not learned from."""

UNFIT = re.compile(f"[{SPACE}\0]")
"""Characters that no piece can hold: SentencePiece would take its own sign for a space, and ends strings at NUL."""

WORD = re.compile(rf"\s?[^\s{SPACE}{END}\0]{{1,64}}|\s")
"""The unit of learning: a word and the white space before it; a piece has at most 16 characters."""

BUDGET = 1 << 19
"""Bytes of words, with their repetitions, that are learned from; past it, counts are scaled down."""

SEEDS = 10
"""Strings for each piece that learning starts from: 10 took a tenth of the time of the default million."""

BYTE_NAME = re.compile(r"<0x[0-9A-F]{2}>")
UNKNOWN = f"unk{SPACE}"
"""The name of the piece for the unknown, which the format asks for and byte fallback never uses; no text has it."""

NORMAL, UNKNOWN_TYPE, BYTE_TYPE = 1, 2, 6


class Unigram:
    """Pieces of text with their log probabilities, best first. No string is special, and none is unknown."""

    def __init__(self, scored: Sequence[tuple[str, float]]) -> None:
        """Raises `ValueError` for pieces that are empty, repeated, or that SentencePiece cannot hold."""
        texts = [text for text, _ in scored]
        wrong = [text for text in texts if not text or UNFIT.search(text) or BYTE_NAME.fullmatch(text)]
        if wrong or len(set(texts)) != len(texts):
            raise ValueError(f"not the pieces of a unigram model: {wrong or 'some are repeated'}")
        self._scored = list(scored)
        raw = [text.encode() for text in texts]
        self.pieces = tuple(piece for piece in raw if len(piece) > 1)
        # pieces of one byte become that byte; only the others have a number
        order = iter(range(len(raw)))
        learned = [-1 - piece[0] if len(piece) == 1 else next(order) for piece in raw]
        self._numbers = np.array([0, *range(-1, -1 - BYTES, -1), *learned], np.int64)
        self._processor = _processor(scored) if self.pieces else None

    @classmethod
    def train(cls, texts: Iterable[str], size: int) -> Unigram:
        """Learn at most `size` pieces of several bytes; the same for the same `texts` in the same order."""
        words = _words(texts)
        if size == 0 or not words:
            return cls([])
        characters = {" ", END}.union(*words)
        # an ASCII character is a piece of one byte, which does not count against `size`
        narrow = sum(character.isascii() for character in characters)
        learned = _learn(_repeat(words, size), 1 + narrow + max(size, len(characters)))
        return cls(list(_select_best(learned, size)))

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(numbers, lengths): the pieces of each text, flat, and how many; byte b is the number -1 - b."""
        if self._processor is None:
            raw = [text.encode() for text in texts]
            flat = np.frombuffer(b"".join(raw), np.uint8).astype(np.int64)
            return -1 - flat, np.array([len(one) for one in raw], np.int64)
        found = self._processor.encode(list(texts), out_type=int, num_threads=1)
        lengths = np.array([len(one) for one in found], np.int64)
        return self._numbers[np.array(list(chain.from_iterable(found)), np.int64)], lengths

    def to_json(self) -> dict[str, Any]:
        return {"pieces": [[text, score] for text, score in self._scored]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Unigram:
        return cls([(str(text), float(score)) for text, score in data["pieces"]])


def _words(texts: Iterable[str]) -> dict[str, int]:
    """The words of `texts` and their counts, sorted by word; a line break at the end would not be learned."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(WORD.findall(text))
    return {word: counts[word] for word in sorted(counts) if word.strip("\r\n")}


def _repeat(words: dict[str, int], size: int) -> Iterator[str]:
    """Each word, repeated by its count, and the most frequent ones once with `END` after them.

    SentencePiece starts from the strings that it meets twice with different characters after them, so a word
    that is never part of a longer one could not be a piece. With `END` after every word, rare numbers took most
    of the pieces, and texts that end in a number took 12.4 of them and take 6.1 now.
    """
    total = sum(len(word.encode()) * count for word, count in words.items())
    frequent = set(sorted(words, key=lambda word: -words[word])[: max(1, size // 4)])
    for word, count in words.items():
        shown = max(min(count, 2), count * min(total, BUDGET) // total)
        yield from repeat(word, shown - 1)
        yield word + END if shown > 1 and word in frequent else word


def _select_best(learned: Iterable[tuple[str, float]], size: int) -> Iterator[tuple[str, float]]:
    """Every piece of one byte, which only scores that byte, and the best `size` others."""
    for sign, score in learned:
        text = sign.replace(SPACE, " ")
        wide = len(text.encode()) > 1
        if BYTE_NAME.fullmatch(text) or END in text or (wide and size == 0):
            continue
        size -= wide
        yield text, score


def _learn(words: Iterator[str], size: int) -> Iterator[tuple[str, float]]:
    """(piece, score) as SentencePiece learns them, best first, `SPACE` for the space."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=words,
        model_writer=written,
        model_type="unigram",
        vocab_size=size,
        # few different words may not have so many pieces
        hard_vocab_limit=False,
        character_coverage=1.0,
        # texts have to come back exactly as they were: nothing is normalized, added or removed
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        split_by_whitespace=False,
        seed_sentencepiece_size=max(SEEDS * size, 10_000),
        # with several threads, the pieces would depend on their timing
        num_threads=1,
        unk_id=0,
        unk_piece=UNKNOWN,
        bos_id=-1,
        eos_id=-1,
        pad_id=-1,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=written.getvalue())
    for number in range(1, processor.get_piece_size()):
        yield processor.id_to_piece(number), processor.get_score(number)


def _processor(scored: Sequence[tuple[str, float]]) -> Any:
    """SentencePiece with these pieces after the unknown token and the bytes, without normalisation.

    The model is written here, field by field of sentencepiece_model.proto, for two reasons: what we keep is
    plain JSON, and only here can `escape_whitespaces` be off, so that a space and its sign stay two things.
    """
    pieces = [(UNKNOWN, 0.0, UNKNOWN_TYPE)]
    pieces += [(f"<0x{byte:02X}>", 0.0, BYTE_TYPE) for byte in range(BYTES)]
    pieces += [(text, score, NORMAL) for text, score in scored]
    model = b"".join(_message(1, _piece(*piece)) for piece in pieces)
    model += _message(2, _number(3, 1) + _number(35, 1) + _number(40, 0))  # trainer: unigram, byte fallback, unknown
    model += _message(3, _number(3, 0) + _number(4, 0) + _number(5, 0))  # normalizer: prefix, removal, escape are off
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=model)
    except RuntimeError as error:
        raise ValueError(f"not the pieces of a unigram model: {error}") from None


def _piece(text: str, score: float, kind: int) -> bytes:
    return _message(1, text.encode()) + _varint(2 << 3 | 5) + struct.pack("<f", score) + _number(3, kind)


def _message(field: int, data: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(data)) + data


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first, as protocol buffers write a number."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
