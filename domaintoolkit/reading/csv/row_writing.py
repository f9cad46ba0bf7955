"""Rows as the text of a CSV file, in the dialect of the reader that is to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.schema import Reader

__all__ = ["UnwritableError", "write_text"]

TEXT = pa.large_string()
SPACES = "whitespace"
"""The delimiter that stands for any run of spaces and tabs."""


class UnwritableError(ValueError):
    """A value that the reader would not read back, in a dialect without quotes."""


def write_text(batches: pa.RecordBatchReader, reader: Reader, nulls: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the header, if the reader has one, and the rows of each batch, between lines that the reader skips.

    `nulls` are the spellings of null, for each column; one of them is written, and a value that looks like one is
    quoted. Raises `UnwritableError` for a value that would need quotes in a dialect without them.
    """
    if reader.skip:
        yield "simulated rows\n" * reader.skip
    if reader.header:
        yield _join([pa.array([name], TEXT) for name in batches.schema.names], [()] * len(nulls), reader)
    for batch in batches:
        yield _join([column.cast(TEXT) for column in batch.columns], nulls, reader)
    if reader.skip_last:
        yield "simulated rows\n" * reader.skip_last


def _join(columns: list[pa.Array], nulls: Sequence[Sequence[str]], reader: Reader) -> str:
    delimiter = " " if reader.delimiter == SPACES else reader.delimiter
    special = _special(reader)
    cells = []
    for place, (column, spellings) in enumerate(zip(columns, nulls, strict=True)):
        # (rows,) each cell that a reader would not read back as it is
        is_quoted = pc.match_substring_regex(column, special)
        # a text that a reader takes for null
        if spellings:
            is_quoted = pc.or_(is_quoted, pc.is_in(column, pa.array(spellings, TEXT)))
        # a line that a reader would skip as a comment
        for mark in () if place else reader.comments:
            is_quoted = pc.or_(is_quoted, pc.starts_with(column, mark))
        if pc.any(is_quoted).as_py():
            column = pc.if_else(is_quoted, _quote(column, is_quoted, reader), column)
        null = _choose_null(spellings, reader.escape)
        if reader.delimiter == SPACES and not null and column.null_count:
            raise UnwritableError("null, which is the empty text, cannot stand between spaces")
        cells.append(pc.fill_null(column, null))
    lines = pc.binary_join_element_wise(*cells, pa.scalar(delimiter, TEXT))
    return "\n".join([*lines.to_pylist(), ""])


def _special(reader: Reader) -> str:
    """A regular expression of what must be quoted: delimiters, line breaks, quotes, spaces that readers may trim."""
    delimiter = "[ \t]|^$" if reader.delimiter == SPACES else re.escape(reader.delimiter)
    if not reader.quote:
        return f"[\r\n]|{delimiter}"
    return f"{_marks(reader)}|[\r\n]|{delimiter}|^ | $"


def _marks(reader: Reader) -> str:
    quote = reader.quote or '"'
    return f"[{re.escape(quote + (reader.escape or quote))}]"


def _quote(column: pa.Array, is_quoted: pa.Array, reader: Reader) -> pa.Array:
    quote, escape = reader.quote, reader.escape or reader.quote
    if not quote or not escape:
        value = column.filter(is_quoted)[0].as_py()
        raise UnwritableError(f"a reader without quotes cannot read {value!r} back")
    replacement = escape.replace("\\", "\\\\") + "\\0"
    escaped = pc.replace_substring_regex(column, _marks(reader), replacement)
    return _concatenate(quote, escaped, quote)


def _choose_null(spellings: Sequence[str], escape: str | None) -> str:
    """The first spelling without the escape character, which a reader would take away; else the first one, escaped."""
    if escape is None or not spellings:
        return spellings[0] if spellings else ""
    plain = (spelling for spelling in spellings if escape not in spelling)
    return next(plain, spellings[0].replace(escape, escape * 2))


def _concatenate(*parts: str | pa.Array) -> pa.Array:
    texts = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in (*parts, "")]
    return pc.binary_join_element_wise(*texts)
