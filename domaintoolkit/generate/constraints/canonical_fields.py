"""Whether what was written for a field is a value, and how its encoder would write that value.

The grammar lets more pass than encoders give: text cut into other pieces, a spelled value that has a token, digits
that a bucket does not have. A value is put the encoder's way; where there is none, the field is written again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.text.encoder import TextEncoder
from domaintoolkit.errors import DataError, DecodeError
from domaintoolkit.generate.constraints.token_tables import Rules

__all__ = ["FieldCheck"]


class FieldCheck:
    """One field, by its encoder bound to ids (`bound`) and the type of its column."""

    def __init__(self, bound: Any, kind: pa.DataType, rules: Rules) -> None:
        self.rules, self.kind = rules, kind
        self.encoder = bound.encoder
        self.parts = len(bound.encoder.parts)
        self.first_place = int(bound.first_place)
        self.find = bound.encoder.lookup(bound.ids)
        self.slots = bound.slot_table(len(rules.key))
        self.null = next(
            (int(bound.ids[number]) for number, slot in enumerate(bound.encoder.slots) if slot.kind == "null"), None
        )

    def canonical(self, tokens: Sequence[int]) -> tuple[int, ...] | None:
        """The tokens that the encoder gives for the value; None where there is no such value."""
        try:
            if isinstance(self.encoder, TextEncoder) and tokens[0] != self.null:
                text = b"".join(self.rules.written[token] for token in tokens[1:])
                value: object = text.decode()
            else:
                value = self.encoder.decode(self._cells(tokens), self.kind)[0].as_py()
            return tuple(map(int, self.find([value])[0]))
        except (DataError, DecodeError, UnicodeDecodeError, OverflowError):
            return None

    def _cells(self, tokens: Sequence[int]) -> list[Cells]:
        """One row; the parts that a token for the whole field leaves out are empty."""
        grammar = self.rules.grammar
        runs: list[list[int]] = [[] for _ in range(self.parts)]
        at = 0
        for token in tokens:
            if grammar.start[token]:
                at = int(grammar.place[token]) - self.first_place
            runs[at].append(int(self.slots[token]))
        return [
            Cells(np.zeros(1, np.int64), np.array(run, np.int32), np.array([0, len(run)], np.int64)) for run in runs
        ]
