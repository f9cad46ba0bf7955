"""Tables over the ids of a vocabulary that say which token may follow which."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar import Grammar, Place
from domaintoolkit.vocabulary import Token, Vocabulary

__all__ = ["BROKEN", "CHAINED", "TokenTables"]

BROKEN = -1
"""The state of bytes that no further byte can turn into valid UTF-8."""

LEVEL = re.compile(r"(?:value|spell)(\d+)")
CHAINED = ("first", "then", "spell", "spell-then")
"""The kinds of tokens of a sequence of symbols: each may be followed by one more symbol of its part."""
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
"""An automaton of valid UTF-8 (Unicode, table 3-7): for each state, ranges of the next byte and the state after it.

State 0 is between characters, 1 to 3 wait for so many bytes more. States 4 to 7 follow the four first bytes whose
second byte has a smaller range: 0xE0 and 0xF0 (overlong forms), 0xED (surrogates) and 0xF4 (beyond U+10FFFF).
"""


def _tabulate_bytes() -> NDArray[np.int8]:
    """(states, 256) the state after each byte."""
    table = np.full((len(_UTF8), 256), BROKEN, np.int8)
    for state, moves in enumerate(_UTF8):
        for (low, high), after in moves:
            table[state, low : high + 1] = after
    return table


@dataclass(frozen=True, eq=False)
class TokenTables:
    """The grammar, and what it does not hold: the bytes of pieces, the levels of paths, the values of the anchor.

    H header parts and P event parts have the places 0 to H + P; a vocabulary has V tokens.
    """

    grammar: Grammar
    starts: NDArray[np.bool_]
    """(H + P, V) the tokens that may begin each part. No year is ever spelled: only years with a token are written."""
    text_bytes: dict[int, bytes]
    """The bytes of each text piece and of each byte token."""
    text: NDArray[np.bool_]
    """(H + P, V) the tokens that may continue a text of each part: its pieces, and the bytes."""
    level: NDArray[np.int16]
    """(V,) the level of a path, or the refinement of a number, that a continuation token gives; else 0."""
    chained: NDArray[np.bool_]
    """(V,) True for symbols that continue a sequence of symbols, any number of times."""
    utf8: NDArray[np.int8]
    """(states, V) the state of UTF-8 after each token, or `BROKEN`."""
    kind: tuple[str, ...]
    """(V,) the first half of each token's key: `weekday` of `weekday:Tue`."""
    key: tuple[str, ...]
    """(V,) the second half of each token's key: `Tue` of `weekday:Tue`."""

    @classmethod
    def of(cls, grammar: Grammar, vocabulary: Vocabulary) -> TokenTables:
        """The tables of a vocabulary; composites stay out of them."""
        tokens = vocabulary.tokens
        halves = [token.key.partition(":") for token in tokens]
        kinds, keys = tuple(kind for kind, _, _ in halves), tuple(key for _, _, key in halves)
        text_bytes = {number: data for number, token in enumerate(tokens) if (data := _bytes_of(token)) is not None}
        parts = np.arange(grammar.parts)[:, None]  # (H + P, 1), against (V,)
        spelled_year = np.array([token.key == "spell:year" for token in tokens])
        has_text = np.zeros(len(tokens), np.bool_)
        has_text[list(text_bytes)] = True
        levels = [int(found[1]) if (found := LEVEL.fullmatch(kind)) else 0 for kind in kinds]
        return cls(
            grammar=grammar,
            starts=_find_starts(grammar, ~spelled_year),
            text_bytes=text_bytes,
            text=((grammar.place == parts) | (grammar.place == Place.BYTE)) & has_text,
            level=np.array(levels, np.int16),
            chained=np.array([kind in CHAINED for kind in kinds], np.bool_) & ~grammar.start,
            utf8=_tabulate_utf8(text_bytes, len(tokens)),
            kind=kinds,
            key=keys,
        )

    def field_span(self, place: int) -> tuple[int, int]:
        """(first, end) of the parts that belong to the same field as the part at `place`."""
        fields, header = self.grammar.part_fields, self.grammar.header_parts
        low, high = (0, header) if place < header else (header, len(fields))
        first, end = place, place + 1
        while first > low and fields[first - 1] == fields[place]:
            first -= 1
        while end < high and fields[end] == fields[place]:
            end += 1
        return first, end


def _find_starts(grammar: Grammar, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(H + P, V) the tokens that may begin each part.

    If no token may begin some part of a field, the field can only be written with a token that fills all its parts.
    """
    parts = np.arange(grammar.parts)
    starts = (grammar.place == parts[:, None]) & grammar.start & wanted
    sides, fields = parts < grammar.header_parts, grammar.part_fields
    # such as the year of a time, if no year has a token
    for place in parts[~starts.any(1)]:
        own = [at for at in parts if fields[at] == fields[place] and sides[at] == sides[place]]
        starts[own] &= grammar.fills == len(own)
    return np.asarray(starts)


def _bytes_of(token: Token) -> bytes | None:
    """The bytes of a byte token or a text piece; None for any other token."""
    if token.kind == "byte":
        return bytes.fromhex(token.key)
    if token.kind != "piece":
        return None
    text = token.key.partition(":")[2]
    return bytes.fromhex(text[2:]) if text.startswith("0x") else text[1:-1].encode()


def _tabulate_utf8(text_bytes: dict[int, bytes], size: int) -> NDArray[np.int8]:
    """(states, V) the state after each token; a token without text keeps the state."""
    table = np.repeat(np.arange(len(_UTF8), dtype=np.int8)[:, None], size, 1)
    bytes_after = _tabulate_bytes()
    for number, data in text_bytes.items():
        for state in range(len(_UTF8)):
            after = state
            for byte in data:
                after = int(bytes_after[after, byte]) if after != BROKEN else BROKEN
            table[state, number] = after
    return table
