"""JSON lines: one object a line, its members as columns of undecoded values; numbers keep their text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.reading.csv.pieces import CsvPiece, Dialect
from domaintoolkit.reading.csv.records import Records
from domaintoolkit.schema import Column
from domaintoolkit.values.declared import Converted, convert_text
from domaintoolkit.values.texts import invalid_unicode, join_set

__all__ = ["LINES", "JsonLines", "JsonRows"]

LINES = Dialect(quote=None)
"""A line break ends a record wherever it is: JSON has none inside its strings."""

MISSING = object()


@dataclass(frozen=True, slots=True)
class JsonRows:
    """A piece's columns; row i is the piece's record `numbers[i]`, and `wrong` are the records that gave no row."""

    columns: list[Converted]
    records: int
    numbers: NDArray[np.int64]
    wrong: dict[int, str]


class JsonLines:
    """Reads the pieces of a file; `seen` are the columns that were there so far, and `keys` those of all objects."""

    def __init__(self, columns: Sequence[Column], replace: bool) -> None:
        self.columns, self._replace = tuple(columns), replace
        self.seen: set[str] = set()
        self.keys: dict[str, None] = {}
        self.records = 0
        # numbers keep their text, so that 1.10 stays text in a column of texts, and no digit is lost in others
        self._decoder = json.JSONDecoder(object_pairs_hook=_unique, parse_float=str, parse_int=str, parse_constant=str)

    def parse(self, piece: CsvPiece) -> JsonRows:
        """The rows of a piece."""
        records = Records(piece.data, LINES, keep_blank=False)
        objects, numbers = [], []
        wrong: dict[int, str] = {}
        replaced = 0
        for number in range(len(records)):
            raw = records.raw(number)
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                if not self._replace:
                    wrong[number] = invalid_unicode(raw) or ""
                    continue
                text, replaced = raw.decode(errors="replace"), replaced + 1
            try:
                objects.append(self._object(text))
                numbers.append(number)
            except ValueError as error:
                wrong[number] = str(error)
        self.records += len(records)
        made = [self._column(column, objects) for column in self.columns]
        if made and replaced:
            # the texts were replaced before they were split, so one column stands for all
            made[0] = Converted(made[0].values, made[0].refused, made[0].named, replaced)
        return JsonRows(made, len(records), np.array(numbers, np.int64), wrong)

    def notes(self, name: str) -> tuple[str, ...]:
        """Notes on the columns that a file does not have."""
        lacking = [column.header for column in self.columns if column.name not in self.seen]
        return tuple(f"{name}: has no column {header!r}; it is null there" for header in lacking)

    def _object(self, text: str) -> dict[str, Any]:
        try:
            found = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
        except RecursionError:
            raise ValueError("JSON that is nested too deeply") from None
        if not isinstance(found, dict):
            raise ValueError(f"expected a JSON object, got {quote(text[:100])}")
        if len(self.keys) < 1000:
            self.keys.update(dict.fromkeys(found))
        return found

    def _column(self, column: Column, objects: Sequence[dict[str, Any]]) -> Converted:
        values: list[bytes | None] = []
        refused = {}
        spelled = {each.encode() for each in column.null or () if each or column.type != "string"}
        for row, each in enumerate(objects):
            value: bytes | None = None
            try:
                found = self._find(column, each)
                value = None if found is MISSING else _text(found, column)
            except ValueError as error:
                refused[row] = str(error)
            values.append(None if value in spelled else value)
        made = convert_text(pa.array(values, pa.binary()), column, self._replace)
        reasons = dict(made.refused) | refused
        return Converted(made.values, sorted(reasons.items()), made.named, made.replaced)

    def _find(self, column: Column, found: dict[str, Any]) -> Any:
        there = [(header, value) for header in column.choices if (value := _member(found, header)) is not MISSING]
        if not there:
            return MISSING
        self.seen.add(column.name)
        if len(there) > 1:
            raise ValueError(f"it is there under several names: {', '.join(repr(header) for header, _ in there)}")
        return there[0][1]


def _member(found: dict[str, Any], header: str) -> Any:
    """A member by its key or, if there is none, by its path: `meta.k` is `k` in the object `meta`."""
    if header in found:
        return found[header]
    key, dot, rest = header.partition(".")
    while dot:
        inner = found.get(key)
        if isinstance(inner, dict):
            return _member(inner, rest)
        if key in found and inner is None:
            return None
        more, dot, rest = rest.partition(".")
        # the key itself may have a point in it: `a.b.c` is also `c` in `a.b`
        key = f"{key}.{more}"
    return MISSING


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a JSON object that has a key twice")
    return found


def _text(value: Any, column: Column) -> bytes | None:
    if isinstance(value, str):
        return value.encode(errors="surrogatepass")
    if value is None:
        return None
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, dict):
        inner = next(iter(value), "k")
        raise ValueError(f"expected one value, got an object; set source = '{column.header}.{inner}' to read a member")
    if column.set_separator is None:
        raise ValueError("expected one value, got a list; set set_separator = '|' for this column to read it as a set")
    if any(isinstance(element, list | dict) for element in value):
        raise ValueError("expected a list of single values")
    elements = [_text(element, column) for element in value]
    texts = [None if element is None else element.decode(errors="surrogatepass") for element in elements]
    return join_set(texts, column.set_separator).encode(errors="surrogatepass")
