"""What may follow what in a stream, as tables over the ids of a vocabulary."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import Grammar, Place
from domaintoolkit.vocabulary import Token, Vocabulary

__all__ = ["BROKEN", "Rules"]

BROKEN = -1
"""Where bytes cannot become UTF-8 any more."""

LEVEL = re.compile(r"(?:value|spell)(\d+)")
_TAIL = (0x80, 0xBF)
_FIRST = (
    ((0x00, 0x7F), 0), ((0xC2, 0xDF), 1), ((0xE0, 0xE0), 4), ((0xE1, 0xEC), 2), ((0xED, 0xED), 5),
    ((0xEE, 0xEF), 2), ((0xF0, 0xF0), 6), ((0xF1, 0xF3), 3), ((0xF4, 0xF4), 7),
)  # fmt: skip
_UTF8 = (
    _FIRST,
    ((_TAIL, 0),),
    ((_TAIL, 1),),
    ((_TAIL, 2),),
    (((0xA0, 0xBF), 1),),
    (((0x80, 0x9F), 1),),
    (((0x90, 0xBF), 2),),
    (((0x80, 0x8F), 2),),
)
"""From each state, the bytes that may come and the state after them (Unicode, table 3-7); 0 is between characters."""


def _byte_table() -> NDArray[np.int8]:
    table = np.full((len(_UTF8), 256), BROKEN, np.int8)
    for state, moves in enumerate(_UTF8):
        for (low, high), after in moves:
            table[state, low : high + 1] = after
    return table


@dataclass(frozen=True, eq=False)
class Rules:
    """The grammar, and what it does not say: bytes of pieces, levels of paths, values of the anchor."""

    grammar: Grammar
    starts: NDArray[np.bool_]
    """(H + P, V): tokens that begin each part; a year that has no token is never spelled, so a time of no known year
    is null."""
    written: dict[int, bytes]
    """What pieces and bytes stand for."""
    text: NDArray[np.bool_]
    """(H + P, V): the pieces of each part, and the bytes."""
    level: NDArray[np.int16]
    """(V,): the level of a path that a continuation token is for; 0 for all others."""
    utf8: NDArray[np.int8]
    """(states, V): the state of UTF-8 after each token, or `BROKEN`."""
    key: tuple[str, ...]
    """What each token says within its kind: `Tue` of `weekday:Tue`."""
    kind: tuple[str, ...]

    @classmethod
    def of(cls, grammar: Grammar, vocabulary: Vocabulary) -> Rules:
        """The rules of a vocabulary's base tokens."""
        tokens = vocabulary.tokens
        split = [token.key.partition(":") for token in tokens]
        kinds, keys = tuple(head for head, _, _ in split), tuple(key for _, _, key in split)
        written = {number: data for number, token in enumerate(tokens) if (data := _written(token)) is not None}
        parts = np.arange(grammar.header_parts + grammar.event_parts)[:, None]
        spelled_year = np.array([token.key == "spell:year" for token in tokens])
        has_text = np.zeros(len(tokens), np.bool_)
        has_text[list(written)] = True
        levels = [int(found[1]) if (found := LEVEL.fullmatch(kind)) else 0 for kind in kinds]
        return cls(
            grammar=grammar,
            starts=_starts(grammar, ~spelled_year),
            written=written,
            text=((grammar.place == parts) | (grammar.place == Place.BYTE)) & has_text,
            level=np.array(levels, np.int16),
            utf8=_states(written, len(tokens)),
            key=keys,
            kind=kinds,
        )

    def last_place(self, place: int) -> int:
        """One past the last part of the field that a part belongs to."""
        fields = self.grammar.part_fields
        end = place + 1
        limit = self.grammar.header_parts if place < self.grammar.header_parts else len(fields)
        while end < limit and fields[end] == fields[place]:
            end += 1
        return end


def _starts(grammar: Grammar, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a part of a field has no token that may begin it, only what stands for the whole field may."""
    parts = np.arange(grammar.header_parts + grammar.event_parts)
    starts = (grammar.place == parts[:, None]) & grammar.start & wanted
    sides, fields = parts < grammar.header_parts, grammar.part_fields
    for place in parts[~starts.any(1)]:
        own = [at for at in parts if fields[at] == fields[place] and sides[at] == sides[place]]
        starts[own] &= grammar.fills == len(own)
    return np.asarray(starts)


def _written(token: Token) -> bytes | None:
    if token.kind == "byte":
        return bytes.fromhex(token.key)
    if token.kind != "piece":
        return None
    text = token.key.partition(":")[2]
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text[1:-1].encode()


def _states(written: dict[int, bytes], size: int) -> NDArray[np.int8]:
    """Tokens that are no text leave the state as it is."""
    table = np.repeat(np.arange(len(_UTF8), dtype=np.int8)[:, None], size, 1)
    bytes_after = _byte_table()
    for number, data in written.items():
        for state in range(len(_UTF8)):
            after = state
            for byte in data:
                after = int(bytes_after[after, byte]) if after != BROKEN else BROKEN
            table[state, number] = after
    return table
