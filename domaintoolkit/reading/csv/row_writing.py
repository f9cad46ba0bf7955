"""Rows as the text of a CSV file, in the dialect of the reader that is to read them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.schema import Reader

__all__ = ["write_text"]

TEXT = pa.large_string()


def write_text(batches: pa.RecordBatchReader, reader: Reader, nulls: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the header, if the reader has one, and the rows of each batch.

    `nulls` are the spellings of null, for each column; one of them is written, and a value that looks like one is
    quoted.
    """
    if reader.header:
        yield _join([pa.array([name], TEXT) for name in batches.schema.names], [()] * len(nulls), reader)
    for batch in batches:
        yield _join([column.cast(TEXT) for column in batch.columns], nulls, reader)


def _join(columns: list[pa.Array], nulls: Sequence[Sequence[str]], reader: Reader) -> str:
    quote = reader.quote or '"'
    escape = reader.escape or quote
    marks = f"[{re.escape(quote + escape)}]"
    # readers may trim spaces at the ends, and for some a carriage return ends a line
    special = f"{marks}|[\r\n]|{re.escape(reader.delimiter)}|^ | $"
    replacement = escape.replace("\\", "\\\\") + "\\0"
    cells = []
    for column, spellings in zip(columns, nulls, strict=True):
        is_quoted = pc.match_substring_regex(column, special)
        if spellings:
            is_quoted = pc.or_(is_quoted, pc.is_in(column, pa.array(spellings, TEXT)))
        if pc.any(is_quoted).as_py():
            escaped = pc.replace_substring_regex(column, marks, replacement)
            column = pc.if_else(is_quoted, _concatenate(quote, escaped, quote), column)
        cells.append(pc.fill_null(column, _choose_null(spellings, reader.escape)))
    lines = pc.binary_join_element_wise(*cells, pa.scalar(reader.delimiter, TEXT))
    return "\n".join([*lines.to_pylist(), ""])


def _choose_null(spellings: Sequence[str], escape: str | None) -> str:
    """The first spelling without the escape character, which a reader would take away; else the first one, escaped."""
    if escape is None or not spellings:
        return spellings[0] if spellings else ""
    plain = (spelling for spelling in spellings if escape not in spelling)
    return next(plain, spellings[0].replace(escape, escape * 2))


def _concatenate(*parts: str | pa.Array) -> pa.Array:
    texts = [pa.scalar(part, TEXT) if isinstance(part, str) else part for part in (*parts, "")]
    return pc.binary_join_element_wise(*texts)
