"""The value that the tokens of a field give, and the tokens that its encoder gives for that value.

The grammar allows more than encoders write: text cut into other pieces, a spelled value that has a token, digits
that a bucket does not have. A draft rewrites such fields as their encoder does, or
draws them again if they have no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.text.encoder import TextEncoder
from domaintoolkit.errors import DataError, DecodeError
from domaintoolkit.generate.constraints.token_tables import TokenTables

__all__ = ["CanonicalField"]


class CanonicalField:
    """One field, from its encoder bound to ids (`bound`) and the type of its column.

    `thing` is the field that says what a number measures, if its buckets depend on that.
    """

    def __init__(self, bound: Any, kind: pa.DataType, tables: TokenTables, thing: CanonicalField | None = None) -> None:
        self.tables, self.kind, self.thing = tables, kind, thing
        self.encoder = bound.encoder
        self.parts = len(bound.encoder.parts)
        self.first_place = int(bound.first_place)
        self.find = bound.encoder.lookup(bound.ids)
        self.slots = bound.slot_table(len(tables.key))
        self.null = next(
            (int(bound.ids[number]) for number, slot in enumerate(bound.encoder.slots) if slot.kind == "null"), None
        )
        """The token of a missing value."""

    def rewrite(self, tokens: Sequence[int], event: Sequence[int]) -> tuple[int, ...] | None:
        """The tokens that the encoder gives for the value of `tokens` in an event; None if they have no value."""
        found, value = self.read(tokens)
        if found and self.thing is not None:
            found, thing = self.thing.read(self.thing.tokens_of(event))
            # encoders of measured numbers take pairs
            value = value, thing
        try:
            return tuple(map(int, self.find([value])[0])) if found else None
        except (DataError, OverflowError):
            return None

    def read(self, tokens: Sequence[int]) -> tuple[bool, Any]:
        """(True, the value of `tokens`); (False, None) if they have none."""
        try:
            if isinstance(self.encoder, TextEncoder) and tokens[0] != self.null:
                # without the first token, which only says that a text follows
                return True, b"".join(self.tables.text_bytes[token] for token in tokens[1:]).decode()
            return True, self.encoder.decode(self._to_cells(tokens), self.kind)[0].as_py()
        except (DataError, DecodeError, UnicodeDecodeError, OverflowError, IndexError):
            return False, None

    def tokens_of(self, event: Sequence[int]) -> tuple[int, ...]:
        """The tokens of this field among those of an event, or of a header."""
        place, start = self.tables.grammar.place, self.tables.grammar.start
        found: list[int] = []
        inside = False
        for token in event:
            if start[token]:
                inside = self.first_place <= place[token] < self.first_place + self.parts
            if inside:
                found.append(token)
        return tuple(found)

    def _to_cells(self, tokens: Sequence[int]) -> list[Cells]:
        """The slots of each part, for one row; parts that a token for the whole field fills are empty."""
        grammar = self.tables.grammar
        runs: list[list[int]] = [[] for _ in range(self.parts)]
        part = 0
        for token in tokens:
            if grammar.start[token]:
                part = int(grammar.place[token]) - self.first_place
            runs[part].append(int(self.slots[token]))
        return [
            Cells(np.zeros(1, np.int64), np.array(run, np.int32), np.array([0, len(run)], np.int64)) for run in runs
        ]
