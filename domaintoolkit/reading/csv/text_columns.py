"""Split CSV text into columns of undecoded values with Arrow's parser, and with numpy if Arrow's fails."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from domaintoolkit.reading.csv.delimiters import SPLIT, WHITESPACE, restore, with_short_delimiters
from domaintoolkit.reading.csv.pieces import BOM, Dialect, breaks
from domaintoolkit.reading.csv.records import Records
from domaintoolkit.schema import Column, Reader

__all__ = ["TextLayout", "Values", "dialect_of", "repeated_headers", "split", "split_line", "without"]


@dataclass(frozen=True, slots=True)
class TextLayout:
    """The layout of a file's rows: they have `headers`, and `columns` are read, at `places`."""

    dialect: Dialect
    headers: tuple[str, ...]
    columns: tuple[Column, ...]
    places: tuple[int, ...]
    nulls: tuple[tuple[str, ...], ...]
    """The spellings of null of each column read."""
    fill: bytes = b""
    """The delimiter, if rows with too few values have nulls for the others."""

    @property
    def width(self) -> int:
        """Columns of a row."""
        return len(self.headers)


@dataclass(frozen=True, slots=True)
class Values:
    """A piece's columns as binary arrays, in the layout's order.

    Row i is the piece's record `numbers[i]`; None means that all records are rows. `wrong` maps each record with
    a wrong number of columns to its number; those that were left out for another reason are `left_out`.
    """

    columns: list[pa.Array]
    records: int
    lines: int
    numbers: NDArray[np.int64] | None
    wrong: dict[int, int]
    left_out: Sequence[int] = ()


def dialect_of(reader: Reader, delimiter: str) -> Dialect:
    """The reader's dialect in bytes, for a file with this delimiter."""
    comments = tuple(mark.encode() for mark in reader.comments)
    escape = None if reader.escape in (None, reader.quote) else ord(reader.escape)
    quote = ord(reader.quote) if reader.quote else None
    if len(delimiter.encode()) == 1:
        return Dialect(ord(delimiter), quote, escape, None, comments)
    long = WHITESPACE if delimiter == "whitespace" else re.compile(re.escape(delimiter.encode()))
    return Dialect(SPLIT, quote, None, long, comments)


def repeated_headers(headers: Sequence[str], consumed: bytes, dialect: Dialect) -> tuple[bytes, ...]:
    """The lines that repeat a header: as it stands at the end of what was `consumed`, without quotes, and with them.

    None if it takes several lines.
    """
    own = re.split(rb"[\r\n]", consumed.rstrip(b"\r\n"))[-1].removeprefix(BOM)
    names = [header.encode() for header in headers]
    lines = [own]
    if dialect.long is None:
        mark = bytes([dialect.delimiter])
        lines.append(mark.join(names))
        if dialect.quote is not None:
            quote = bytes([dialect.quote])
            lines.append(mark.join(quote + name.replace(quote, quote * 2) + quote for name in names))
    if not own or any(line.count(b"\n") + line.count(b"\r") for line in lines):
        return ()
    return tuple(dict.fromkeys(lines))


def without(values: Values, records: Sequence[int]) -> Values:
    """The values without those of some records, which are then `left_out`."""
    if not records:
        return values
    numbers = np.arange(values.records) if values.numbers is None else values.numbers
    kept = ~np.isin(numbers, np.array(records))
    columns = [column.filter(pa.array(kept)) for column in values.columns]
    wrong = {record: width for record, width in values.wrong.items() if record not in set(records)}
    return replace(values, columns=columns, numbers=numbers[kept], wrong=wrong, left_out=tuple(records))


def split(data: bytes, layout: TextLayout) -> Values:
    """The columns of `data`, whole records with correct quoting."""
    try:
        columns = _parse(data, layout)
    except pa.ArrowInvalid:
        return _split_exactly(data, layout)
    rows = len(columns[0])
    return Values(columns[: len(layout.places)], rows, breaks(data), None, {})


def _split_exactly(data: bytes, layout: TextLayout) -> Values:
    """Split without the records of a wrong width: for one of them, or for a blank line, Arrow refuses the whole."""
    records = Records(data, layout.dialect, keep_blank=layout.width == 1)
    right = records.widths == layout.width
    if layout.fill:
        right |= records.widths < layout.width
    wrong = {int(record): int(records.widths[record]) for record in np.flatnonzero(~right)}
    columns = _parse(records.concat(right, layout.width, layout.fill), layout)[: len(layout.places)]
    return Values(columns, len(records), breaks(data), np.flatnonzero(right), wrong)


def split_line(line: bytes, dialect: Dialect) -> list[bytes]:
    """The values of the one record in `line`."""
    width = int(Records(line, dialect, keep_blank=True).widths[0])
    columns = _read(with_short_delimiters(line, dialect), dialect, width, range(width), ())
    return [value.as_py() for column in columns for value in column]


def _parse(data: bytes, layout: TextLayout) -> list[pa.Array]:
    """The columns, parsed once per spelling of null, because Arrow has one spelling for all columns."""
    data = with_short_delimiters(data, layout.dialect)
    found: dict[int, pa.Array] = {}
    for nulls in dict.fromkeys(layout.nulls):
        places = [place for place, own in zip(layout.places, layout.nulls, strict=True) if own == nulls]
        found |= zip(places, _read(data, layout.dialect, layout.width, places, nulls), strict=True)
    if not found:  # a column all the same, for the number of rows
        return _read(data, layout.dialect, layout.width, (0,), ())
    return [found[place] for place in layout.places]


def _read(data: bytes, dialect: Dialect, width: int, places: Sequence[int], nulls: Sequence[str]) -> list[pa.Array]:
    if not data:
        return [pa.array([], pa.binary()) for _ in places]
    if data.startswith(BOM):  # Arrow removes one, as if the file began here
        data = BOM + data
    if not data.endswith((b"\n", b"\r")):  # without it, Arrow takes an empty last value for a quoted one
        data += b"\n"
    names = [str(number) for number in range(width)]
    wanted = [names[place] for place in places]
    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        # one block: rows of several blocks would come as several chunks
        pyarrow.csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        pyarrow.csv.ParseOptions(
            delimiter=chr(dialect.delimiter),
            quote_char=False if dialect.quote is None else chr(dialect.quote),
            escape_char=False if dialect.escape is None else chr(dialect.escape),
            newlines_in_values=True,
            ignore_empty_lines=width > 1,
        ),
        pyarrow.csv.ConvertOptions(
            check_utf8=False,
            column_types=dict.fromkeys(wanted, pa.binary()),
            null_values=list(nulls),
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            include_columns=wanted,
        ),
    )
    columns = [_whole(column) for column in table.columns]
    return columns if dialect.long is None else [restore(column) for column in columns]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
