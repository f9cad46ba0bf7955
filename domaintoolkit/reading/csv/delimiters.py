"""Delimiters of more than one byte, such as `::` or a run of spaces, as one byte that Arrow's parser can split at."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.reading.csv.pieces import Dialect

__all__ = ["SPLIT", "WHITESPACE", "restore", "with_short_delimiters"]

SPLIT = 0x1F
"""The byte that replaces a long delimiter: ASCII's unit separator."""

WHITESPACE = re.compile(rb"[ \t]+")

_SPLIT, _MARK = bytes([SPLIT]), b"\x1e"
_HELD = ((_MARK, _MARK + b"0"), (_SPLIT, _MARK + b"1"))
"""Bytes of the text that would be taken for a delimiter, and how they are written instead."""

_EDGES = re.compile(rb"(?:\A|(?<=[\r\n]))\x1f|\x1f(?=[\r\n]|\Z)")


def with_short_delimiters(data: bytes, dialect: Dialect) -> bytes:
    """Whole records with correct quoting, with `SPLIT` for each long delimiter outside quotes."""
    if dialect.long is None:
        return data
    for byte, held in _HELD:
        if byte in data:
            data = data.replace(byte, held)
    quote = b"" if dialect.quote is None else re.escape(bytes([dialect.quote]))
    if quote and bytes([dialect.quote or 0]) in data:
        parts = re.split(b"(" + quote + b"[^" + quote + b"]*" + quote + b")", data)
        # a split at a group keeps what it matched: quoted texts are at the odd places
        parts[::2] = [dialect.long.sub(_SPLIT, part) for part in parts[::2]]
        data = b"".join(parts)
    else:
        data = dialect.long.sub(_SPLIT, data)
    return _EDGES.sub(b"", data) if dialect.long is WHITESPACE else data


def restore(values: pa.Array) -> pa.Array:
    """Values of such records as they were in the text."""
    # the other way round, since the mark itself was written first
    for byte, held in reversed(_HELD):
        values = pc.replace_substring(values, held, byte)
    return values
