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
    """One field, from its encoder bound to ids (`bound`) and the type of its column."""

    def __init__(self, bound: Any, kind: pa.DataType, tables: TokenTables) -> None:
        self.tables, self.kind = tables, kind
        self.encoder = bound.encoder
        self.parts = len(bound.encoder.parts)
        self.first_place = int(bound.first_place)
        self.find = bound.encoder.lookup(bound.ids)
        self.slots = bound.slot_table(len(tables.key))
        self.null = next(
            (int(bound.ids[number]) for number, slot in enumerate(bound.encoder.slots) if slot.kind == "null"), None
        )
        """The token of a missing value."""

    def rewrite(self, tokens: Sequence[int]) -> tuple[int, ...] | None:
        """The tokens that the encoder gives for the value of `tokens`; None if they have no value."""
        try:
            if isinstance(self.encoder, TextEncoder) and tokens[0] != self.null:
                text = b"".join(self.tables.text_bytes[token] for token in tokens[1:])
                value: object = text.decode()
            else:
                value = self.encoder.decode(self._to_cells(tokens), self.kind)[0].as_py()
            return tuple(map(int, self.find([value])[0]))
        except (DataError, DecodeError, UnicodeDecodeError, OverflowError):
            return None

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
