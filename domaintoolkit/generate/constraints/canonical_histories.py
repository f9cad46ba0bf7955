"""Checks that a history is what the tokenizer would write: canonical fields, and times that decode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.errors import DecodeError
from domaintoolkit.generate.constraints.canonical_fields import CanonicalField
from domaintoolkit.generate.constraints.measured_tokens import MeasuredTokens
from domaintoolkit.generate.constraints.possible_times import TimeField
from domaintoolkit.generate.constraints.token_tables import TokenTables
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.decoding import decode_ids

__all__ = ["CanonicalHistories"]

Ids = tuple[int, ...]


class CanonicalHistories:
    """The fields of a tokenizer, and the decoding of whole histories."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self.tokenizer = tokenizer
        self.tables = TokenTables.of(tokenizer.grammar, tokenizer.vocabulary)
        self.time_field: TimeField | None = None
        self.fields: dict[int, CanonicalField] = {}
        """By the place of their first part; without the anchor and the schema's time column, which decoding checks."""
        self.measured: dict[int, MeasuredTokens] = {}
        """By the place of the part whose tokens depend on another field."""
        by_name: dict[str, CanonicalField] = {}
        for bound in tokenizer.layout.bound:
            if bound.kind == "field" and bound.name == tokenizer.schema.time:
                assert isinstance(bound.encoder, TimestampEncoder)
                self.time_field = TimeField.of(bound.encoder, bound.first_place, self.tables)
            elif bound.name is not None:
                # the field that says what a number measures comes before it in the layout
                thing = by_name.get(getattr(bound.field.spec, "by", None) or "")
                made = CanonicalField(bound, tokenizer.types[bound.name], self.tables, thing)
                self.fields[bound.first_place] = by_name[bound.name] = made
                if thing is not None:
                    measured = MeasuredTokens(bound, thing)
                    self.measured[measured.place] = measured

    def split_fields(self, tokens: Sequence[int]) -> list[Ids]:
        """The tokens of each field of a header or an event, in order; a session token is a piece of its own."""
        grammar = self.tables.grammar
        found: list[list[int]] = []
        current = -1
        for token in tokens:
            # a token that begins no part belongs to the field before it
            first = self.tables.field_span(int(grammar.place[token]))[0] if grammar.start[token] else current
            if token == grammar.session or first != current or not found:
                found.append([])
            found[-1].append(token)
            current = first
        return list(map(tuple, found))

    def rewrite_field(self, tokens: Ids, event: Ids) -> Ids | None:
        """One piece of `split_fields` of an event as its encoder writes it; None if its tokens have no value."""
        field = self._field_of(tokens)
        return tokens if field is None else field.rewrite(tokens, event)

    def null_of(self, tokens: Ids) -> int | None:
        """The token that the field of these tokens has for a missing value."""
        field = self._field_of(tokens)
        return None if field is None else field.null

    def _field_of(self, tokens: Ids) -> CanonicalField | None:
        grammar = self.tables.grammar
        if not grammar.start[tokens[0]]:  # a session token
            return None
        return self.fields.get(self.tables.field_span(int(grammar.place[tokens[0]]))[0])

    def is_canonical(self, event: Ids) -> bool:
        """Return True if the encoders write every field of an event like this."""
        return all(self.rewrite_field(field, event) == field for field in self.split_fields(event))

    def decodes(self, ids: Sequence[int]) -> bool:
        """Return True if base ids are a history."""
        try:
            self.decode(ids)
        except DecodeError:
            return False
        return True

    def decode(self, ids: Sequence[int]) -> pa.Table:
        """The rows of a history in base ids; raises `DecodeError`."""
        tokenizer = self.tokenizer
        bounds = np.array([0, len(ids)])
        return decode_ids(tokenizer.layout, tokenizer.types, np.array(ids, np.int64), bounds, None, base=True)

    def last_time(self, ids: Sequence[int]) -> tuple[int, int | None]:
        """(events, time of the last one in µs) of a history; no time if the schema has no time column."""
        table = self.decode(ids)
        name = self.tokenizer.schema.time
        if name is None or not len(table):
            return len(table), None
        # decoded rows are in the order of events
        last = table[name].combine_chunks().slice(len(table) - 1)
        if last.null_count:
            raise DecodeError("a history without any time cannot be continued")
        return len(table), int(last.cast(pa.timestamp("us", "UTC")).cast(pa.int64())[0].as_py())
