"""Whether what was written is what the tokenizer would write: fields the encoder's way, histories that decode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.errors import DecodeError
from domaintoolkit.generate.constraints.canonical_fields import FieldCheck
from domaintoolkit.generate.constraints.possible_times import TimeField
from domaintoolkit.generate.constraints.token_tables import Rules
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.decoding import decode_ids

__all__ = ["Checks"]


class Checks:
    """The fields of a tokenizer, and the decoding of whole histories."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self.tokenizer = tokenizer
        self.rules = Rules.of(tokenizer.grammar, tokenizer.vocabulary)
        self.clock: TimeField | None = None
        self.fields: dict[int, FieldCheck] = {}
        """By the place of their first part; the schema's time column is checked by decoding."""
        for bound in tokenizer.layout.bound:
            if bound.kind == "field" and bound.name == tokenizer.schema.time:
                assert isinstance(bound.encoder, TimestampEncoder)
                self.clock = TimeField.of(bound.encoder, bound.first_place, self.rules)
            elif bound.name is not None:
                self.fields[bound.first_place] = FieldCheck(bound, tokenizer.types[bound.name], self.rules)

    def first_place(self, place: int) -> int:
        """The first part of the field that a part belongs to."""
        fields, header = self.rules.grammar.part_fields, self.rules.grammar.header_parts
        begin = place
        while begin not in (0, header) and fields[begin - 1] == fields[place]:
            begin -= 1
        return begin

    def event(self, tokens: Sequence[int]) -> tuple[int, ...] | None:
        """A whole event as the encoders write it; None where a field's tokens are no value and cannot be null."""
        grammar = self.rules.grammar
        out: list[int] = []
        for field in self._fields_of(tokens):
            if not grammar.start[field[0]]:
                out += field
                continue
            check = self.fields.get(self.first_place(int(grammar.place[field[0]])))
            wanted = tuple(field) if check is None else check.canonical(field)
            if wanted is None:
                assert check is not None
                if check.null is None:
                    return None
                wanted = (check.null,)
            out += wanted
        return tuple(out)

    def _fields_of(self, tokens: Sequence[int]) -> list[list[int]]:
        """The tokens of each field of an event, in order; a session token stands alone."""
        grammar = self.rules.grammar
        found: list[list[int]] = []
        last = -1
        for token in tokens:
            first = self.first_place(int(grammar.place[token])) if grammar.start[token] else last
            if token == grammar.session or first != last or not found:
                found.append([])
            found[-1].append(token)
            last = first
        return found

    def decodes(self, ids: Sequence[int]) -> bool:
        """Whether base ids are a history."""
        try:
            self.table(ids)
        except DecodeError:
            return False
        return True

    def table(self, ids: Sequence[int]) -> pa.Table:
        """The rows of a history in base ids; raises `DecodeError`."""
        tokenizer = self.tokenizer
        bounds = np.array([0, len(ids)])
        return decode_ids(tokenizer.layout, tokenizer.types, np.array(ids, np.int64), bounds, None, base=True)

    def last_time(self, ids: Sequence[int]) -> tuple[int, int | None]:
        """(events, time of the last one in µs) of a history; no time where the schema has none."""
        table = self.table(ids)
        name = self.tokenizer.schema.time
        if name is None or not len(table):
            return len(table), None
        last = table[name].combine_chunks().slice(len(table) - 1)
        return len(table), int(last.cast(pa.timestamp("us", "UTC")).cast(pa.int64())[0].as_py())
