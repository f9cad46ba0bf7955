"""`decode`: an encoded folder back into a file of rows, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import LookupFailedError, VocabularyMismatchError
from domaintoolkit.jobs.progress import Progress
from domaintoolkit.jobs.table_file import write_rows
from domaintoolkit.storage import EncodedFolder, ShardRows, open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["decode", "decoded_rows", "folder_tokenizer", "stream_parts"]

TOKENS = 1 << 22
"""Tokens that are decoded at a time, or one stream."""

FORMATS = (".parquet", ".csv")


def decode(folder: str | Path, out: str | Path, *, progress: Progress | None = None) -> int:
    """Write the table that an encoded folder stands for to a `.parquet` or `.csv` file; gives its rows.

    In a CSV file text is quoted, so that empty text and null are told apart. Raises `ArtifactError` for a
    damaged folder.
    """
    target = Path(out)
    if target.suffix not in FORMATS:
        raise LookupFailedError("format", target.suffix or target.name, FORMATS)
    encoded = open_encoded(folder)
    tokenizer = folder_tokenizer(encoded)
    total = encoded.manifest.totals["events"]
    return write_rows(decoded_rows(encoded, tokenizer), target, progress, total)


def folder_tokenizer(folder: EncodedFolder) -> DomainTokenizer:
    """The tokenizer in an encoded folder; raises `VocabularyMismatchError` where the streams are not its own."""
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    expected = str(folder.manifest.vocabulary["hash"])
    if not tokenizer.vocabulary.accepts(expected):
        hint = "the folder's tokenizer is not the one that made its streams"
        raise VocabularyMismatchError(expected, tokenizer.vocabulary.hash, hint)
    return tokenizer


def decoded_rows(folder: EncodedFolder, tokenizer: DomainTokenizer) -> Iterator[pa.Table]:
    """The rows of all streams, with their labels, some streams at a time; at least one table, if only an empty one."""
    entity = list(tokenizer.schema.entity)
    for rows in folder.streams():
        for start, end in stream_parts(rows.offsets):
            low, high = int(rows.offsets[start]), int(rows.offsets[end])
            keys = pa.Table.from_batches([rows.table.slice(start, end - start)]).select(entity)
            table = tokenizer.decode(rows.ids[low:high], rows.offsets[start : end + 1] - low, keys)
            yield _with_labels(table, rows, start, end)


def stream_parts(offsets: np.ndarray, limit: int = TOKENS) -> list[tuple[int, int]]:
    """Ranges of streams with at most `limit` tokens each, or of one stream; for no streams, one empty range."""
    ends, ranges, start = offsets[1:], [], 0
    while start < len(ends):
        end = max(int(np.searchsorted(ends, offsets[start] + limit, side="right")), start + 1)
        ranges.append((start, end))
        start = end
    return ranges or [(0, 0)]


def _with_labels(table: pa.Table, rows: ShardRows, start: int, end: int) -> pa.Table:
    if "labels" not in rows.table.schema.names:
        return table
    labels = rows.table["labels"].slice(start, end - start)
    for place in range(labels.type.num_fields):
        table = table.append_column(labels.type.field(place).name, labels.field(place).flatten())
    return table
