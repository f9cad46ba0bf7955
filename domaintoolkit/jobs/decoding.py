"""`decode`: write the rows of an encoded folder to a file, part by part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import ArtifactError, LookupFailedError, VocabularyMismatchError
from domaintoolkit.jobs.progress import Progress
from domaintoolkit.jobs.table_writing import write_rows
from domaintoolkit.schema import Numeric, Timestamp
from domaintoolkit.storage import EncodedFolder, ShardRows, open_encoded
from domaintoolkit.times.zones import zone_table
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import cut_ranges
from domaintoolkit.values import write_formatted
from domaintoolkit.values.columns import plain
from domaintoolkit.values.value_names import write_names

__all__ = ["cut_streams", "decode", "decode_rows", "folder_tokenizer"]

TOKENS = 1 << 22
"""Tokens that are decoded at a time, or one longer stream."""

FORMATS = (".parquet", ".csv")


def decode(folder: str | Path, out: str | Path, *, progress: Progress | None = None) -> int:
    """Write the rows of an encoded folder to a `.parquet` or `.csv` file; gives their number.

    Text in a CSV file is quoted, which distinguishes empty text from null. Raises `ArtifactError` for a
    damaged folder.
    """
    target = Path(out)
    if target.suffix not in FORMATS:
        raise LookupFailedError("format", target.suffix or target.name, FORMATS)
    encoded = open_encoded(folder)
    tokenizer = folder_tokenizer(encoded)
    total = encoded.manifest.totals["events"]
    return write_rows(_Rows(encoded, tokenizer, target.suffix == ".csv"), target, progress, total)


@dataclass(frozen=True)
class _Rows:
    """The decoded rows of a folder, which can be gone through several times."""

    folder: EncodedFolder
    tokenizer: DomainTokenizer
    as_text: bool
    """True if booleans of a numeric field become 1 and 0: as text, `true` is not a number."""

    def __iter__(self) -> Iterator[pa.Table]:
        for table in decode_rows(self.folder, self.tokenizer):
            yield self._split_time(self._write_times(self._write_flags(table)) if self.as_text else table)

    def _write_flags(self, table: pa.Table) -> pa.Table:
        for spec in (*self.tokenizer.schema.static, *self.tokenizer.schema.fields):
            place = table.column_names.index(spec.name)
            if isinstance(spec, Numeric) and pa.types.is_boolean(table[spec.name].type):
                table = table.set_column(place, spec.name, table[spec.name].cast(pa.uint8()))
        return table

    def _write_times(self, table: pa.Table) -> pa.Table:
        """The table with times as text in their `time_format`, if they have one."""
        schema = self.tokenizer.schema
        specs = (spec for spec in (*schema.static, *schema.fields) if isinstance(spec, Timestamp))
        zones = {spec.name: spec.zone for spec in specs}
        for name in {*zones, *([] if schema.time is None else [schema.time])}:
            pattern = schema.time_form(name).pattern
            if pattern is not None:
                zone = schema.zone if name == schema.time else zones[name]
                table = table.set_column(
                    table.column_names.index(name), name, write_formatted(plain(table[name]), pattern, zone_table(zone))
                )
        return table

    def _split_time(self, table: pa.Table) -> pa.Table:
        """The table with the columns of `time_join` in place of the time that they make."""
        schema = self.tokenizer.schema
        if not schema.time_join or schema.time is None:
            return table
        times, form = plain(table[schema.time]), schema.time_form(schema.time)
        if form.pattern is not None and not pa.types.is_string(times.type):
            times = write_formatted(times, form.pattern, zone_table(schema.zone))
        texts = [text and text.replace("T", " ") for text in write_names(times).to_pylist()]
        most = len(schema.time_join) - 1
        # joined with spaces again, the pieces are the same text
        pieces = [[None] * (most + 1) if text is None else text.split(" ", most) for text in texts]
        place = table.column_names.index(schema.time)
        table = table.remove_column(place)
        for number, name in enumerate(schema.time_join):
            table = table.add_column(place + number, name, pa.array([each[number] for each in pieces], pa.string()))
        return table


def folder_tokenizer(folder: EncodedFolder) -> DomainTokenizer:
    """The tokenizer in an encoded folder; raises `VocabularyMismatchError` if another one made the streams."""
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    expected = str(folder.manifest.vocabulary["hash"])
    if not tokenizer.vocabulary.accepts(expected):
        hint = "the folder's tokenizer is not the one that made its streams"
        raise VocabularyMismatchError(expected, tokenizer.vocabulary.hash, hint)
    for name in tokenizer.schema.entity:
        if name not in folder.manifest.columns:
            raise ArtifactError(str(folder.folder), f"has no column {name!r}, which its tokenizer's schema names")
    return tokenizer


def decode_rows(folder: EncodedFolder, tokenizer: DomainTokenizer) -> Iterator[pa.Table]:
    """The rows of all streams, with their labels, some streams at a time; at least one table, even if it is empty."""
    entity = list(tokenizer.schema.entity)
    for rows in folder.streams():
        for start, end in cut_streams(rows.offsets):
            low, high = int(rows.offsets[start]), int(rows.offsets[end])
            keys = pa.Table.from_batches([rows.table.slice(start, end - start)]).select(entity)
            table = tokenizer.decode(rows.ids[low:high], rows.offsets[start : end + 1] - low, keys)
            yield _add_labels(_add_splits(table, tokenizer, rows, start, end), rows, start, end)


def cut_streams(offsets: NDArray[np.integer[Any]]) -> list[tuple[int, int]]:
    """Streams in ranges of at most `TOKENS` tokens each, or of one stream; one empty range if there are none."""
    return cut_ranges(offsets, TOKENS) or [(0, 0)]


def _add_splits(table: pa.Table, tokenizer: DomainTokenizer, rows: ShardRows, start: int, end: int) -> pa.Table:
    """The table with the split column, which has the value of the last event for each event of a history."""
    name = tokenizer.schema.split_column
    if name is None:
        return table
    of = np.repeat(np.arange(start, end), np.diff(rows.event_offsets[start : end + 1]))  # (events,)
    return table.append_column(name, rows.table["split_value"].take(pa.array(of)))


def _add_labels(table: pa.Table, rows: ShardRows, start: int, end: int) -> pa.Table:
    if "labels" not in rows.table.schema.names:
        return table
    labels = rows.table["labels"].slice(start, end - start)
    for place in range(labels.type.num_fields):
        table = table.append_column(labels.type.field(place).name, labels.field(place).flatten())
    return table
