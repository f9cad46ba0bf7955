"""`open_source`: read raw files as Arrow record batches in a reader's columns and types; no row is lost."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import LookupFailedError, pluralize, quote
from domaintoolkit.reading.csv.footers import FOOTER, is_footer
from domaintoolkit.reading.csv.pieces import BLOCK
from domaintoolkit.reading.files import Fingerprint, Paths, SourceFile, find_files, fingerprint
from domaintoolkit.reading.number_spellings import NumberSpellings
from domaintoolkit.reading.parts import FilePart, parts
from domaintoolkit.reading.refused_rows import Collected, RefusedRow, RefusedRows
from domaintoolkit.schema import Column, Reader
from domaintoolkit.values.declared import TYPES, Converted

__all__ = ["ReadCounts", "Source", "SourceBatch", "open_source"]


_RULE = re.compile(rb"(?:-{2,}|={2,})[-=+|,;\t ]*")


@dataclass
class ReadCounts:
    """Counts of a pass so far: `rows_in` is always the rows passed on plus `rows_refused`."""

    rows_in: int = 0
    rows_refused: int = 0
    replaced: int = 0
    """Values in which bytes that are not UTF-8 were replaced."""
    notes: list[str] = field(default_factory=list)


@dataclass
class SourceBatch:
    """Rows of one file."""

    records: pa.RecordBatch
    source: str
    _part: FilePart
    _first_row: int
    _first_line: int
    _numbers: NDArray[np.int64] | None
    """(rows,) the number of each row within its part; None if these are all numbers in turn."""

    @property
    def rows(self) -> NDArray[np.int64]:
        """(rows,) the number of each row within its file, from 0; refused rows count too."""
        if self._numbers is None:
            return np.arange(self._first_row, self._first_row + self.records.num_rows)
        return self._numbers + self._first_row

    def refuse(self, index: int, problems: Sequence[tuple[str | None, str]]) -> RefusedRow:
        """The record of the row at `index`, with its text as found, for a caller that refuses it for some problems."""
        record = int(self.rows[index]) - self._first_row
        (column, reason), *others = problems
        reason += _hint_at_end(self._part, record, self._part.records - record)
        told = ((column, reason), *others)
        return _refuse(self.source, self._part, record, self._first_row, self._first_line, told)


class Source:
    """Files and their reader; each call of `batches` is one pass over all."""

    def __init__(self, files: Sequence[SourceFile], reader: Reader, block_bytes: int = BLOCK) -> None:
        self.files, self.reader, self.block_bytes = tuple(files), reader, block_bytes
        self.counts = ReadCounts()
        """Counts of the latest pass."""
        self._kept: _KeptRows | None = None

    def __repr__(self) -> str:
        return f"<Source of {pluralize(len(self.files), 'file')}: {', '.join(c.name for c in self.reader.columns)}>"

    def keep(self, columns: Sequence[str], limit: int) -> None:
        """Keep the rows of the next pass in memory, in these columns, for the one after it that asks for them.

        That one gives the same rows without reading the files again. It does read them if the rows take more than
        `limit` bytes, one of them cannot be read, or a file has changed.
        """
        self._kept = _KeptRows(self.files, columns, limit)

    def schema(self, columns: Sequence[str] | None = None) -> pa.Schema:
        """The columns of a batch. Text that a file holds dictionary-encoded comes as a dictionary, not string."""
        return pa.schema([(column.name, TYPES[column.type]) for column in self._choose_columns(columns)])

    def batches(
        self, columns: Sequence[str] | None = None, refused: RefusedRows | None = None, threads: int = 1
    ) -> Iterator[SourceBatch]:
        """All rows with `columns` (default: all declared), file after file, in order.

        Rows that cannot be read go to `refused` (a `Quarantine`). Without one, they are collected, no batch
        comes after the first of them, and the end of the pass raises all as one `DataError`. Values in
        columns that are not asked for are not checked.
        """
        kept = self._kept
        if kept is not None and columns is not None and kept.answers(columns):
            self.counts = kept.counts
            for whole in kept.give():
                yield replace(whole, records=whole.records.select(list(columns)))
            return
        chosen = self._choose_columns(columns)
        self.counts = ReadCounts()
        collected = Collected()
        if kept is not None and not kept.begin(columns):
            kept = None
        # the columns that are only kept come last
        parsed = chosen if kept is None else self._choose_columns([*(column.name for column in chosen), *kept.others])
        spellings, others = NumberSpellings(), NumberSpellings()
        for file in self.files:
            reading = _Reading(file, chosen, self.counts, spellings)
            keeping = None if kept is None else _Reading(file, parsed, kept.counts, others)
            for part in parts(file, self.reader, parsed, self.block_bytes, threads):
                batch, rows = reading.assemble(part)
                (collected if refused is None else refused).add(rows)
                if kept is not None and keeping is not None:
                    kept.add(*keeping.assemble(part))
                if batch is not None and not collected.problems:
                    yield batch
        collected.raise_any()
        if kept is not None:
            kept.end()

    def _choose_columns(self, columns: Sequence[str] | None) -> list[Column]:
        declared = {column.name: column for column in self.reader.settled}
        for name in columns or ():
            if name not in declared:
                raise LookupFailedError("column", name, declared)
        return list(declared.values()) if not columns else [declared[name] for name in columns]


def open_source(paths: Paths, reader: Reader, block_bytes: int = BLOCK) -> Source:
    """The files that `paths` name: files, directories and glob patterns of CSV, JSON lines, Parquet or Arrow.

    CSV and JSON lines may be packed by gzip or zip. The names of folders such as `day=2024-01-01` are columns.

    The first bytes of a file decide its type; `SourceError` if it cannot be read. Each thread works on
    `block_bytes` of CSV text at a time, on more only if one row is longer.
    """
    return Source(find_files(paths, reader.format, reader.encoding), reader, block_bytes)


class _KeptRows:
    """The batches of one pass, for one that follows."""

    def __init__(self, files: Sequence[SourceFile], columns: Sequence[str], limit: int) -> None:
        self._files, self._columns, self._limit = files, list(columns), limit
        self.others: list[str] = []
        """The columns that are kept, but that the pass itself did not ask for."""
        self.counts = ReadCounts()
        self._batches: deque[SourceBatch] = deque()
        self._bytes, self._usable, self._whole = 0, True, False
        self._prints = self._take_prints()

    def answers(self, columns: Sequence[str]) -> bool:
        """Return True if the kept rows are those of a pass over these columns."""
        return self._whole and sorted(columns) == sorted(self._columns) and self._prints == self._take_prints()

    def give(self) -> Iterator[SourceBatch]:
        """All batches, in order; each is dropped as it is given."""
        self._whole = False
        while self._batches:
            yield self._batches.popleft()

    def begin(self, columns: Sequence[str] | None) -> bool:
        """Return True if the rows of a pass over these columns are to be kept: those of one pass are."""
        if not self._usable or columns is None or not set(columns) <= set(self._columns):
            return False
        self._usable = False
        self.others = [name for name in self._columns if name not in columns]
        return True

    def add(self, batch: SourceBatch | None, refused: list[RefusedRow]) -> None:
        """Take the rows of a part. After a refused row or beyond the limit none are kept."""
        if batch is not None:
            self._batches.append(batch)
            self._bytes += batch.records.nbytes + len(batch._part.data)
        # below zero no batch fits: nothing is kept from here on
        if refused or self._bytes > self._limit:
            self._limit = -1
            self._batches.clear()

    def end(self) -> None:
        """The pass came to its end."""
        self._whole = self._limit >= 0

    def _take_prints(self) -> list[Fingerprint]:
        return [fingerprint(file.path) for file in self._files]


class _Reading:
    """Numbers the rows of one file as its parts come, and drops the refused ones."""

    def __init__(
        self, file: SourceFile, columns: Sequence[Column], counts: ReadCounts, spellings: NumberSpellings
    ) -> None:
        self._file, self._columns, self._counts, self._spellings = file, columns, counts, spellings
        self._row, self._line, self._parts = 0, 0, 0
        self._named: dict[str, bool] = {}
        """For each column of times: True if its first one names its zone."""
        self._mixed: set[str] = set()

    def assemble(self, part: FilePart) -> tuple[SourceBatch | None, list[RefusedRow]]:
        """The rows of `part` that can be read (None if there is none), and those that cannot."""
        self._counts.notes.extend(part.notes)
        self._note_cut(part)
        problems: dict[int, list[tuple[str | None, str]]]
        problems = {record: [(None, why)] for record, why in part.wrong.items()}
        # (rows,): rows have columns, `problems` counts records; they differ once a record has a wrong width
        keep = np.ones(len(part.columns[0].values) if part.columns else 0, bool)
        for column, converted in zip(self._columns, part.columns, strict=False):
            self._counts.replaced += converted.replaced
            self._note_zones(column, converted)
            if column.type == "string":
                note = self._spellings.look(column.name, converted.values, self._file.name, self._parts)
                self._counts.notes.extend([] if note is None else [note])
            for row, why in converted.refused:
                keep[row] = False
                # from the number among the part's rows to the number among its records
                record = row if part.numbers is None else int(part.numbers[row])
                problems.setdefault(record, []).append((column.name, why))
        self._explain_end(part, problems)
        refused = [
            _refuse(self._file.name, part, record, self._row, self._line, tuple(problems[record]))
            for record in sorted(problems)
        ]
        self._note_footer(part, problems)
        self._note_rule(part)
        batch = self._batch(part, keep)
        self._counts.rows_in += part.records
        self._counts.rows_refused += len(refused)
        self._row += part.records
        self._parts += 1
        self._line += part.lines or 0
        return batch, refused

    def _explain_end(self, part: FilePart, problems: dict[int, list[tuple[str | None, str]]]) -> None:
        """Add to the reason of the first of the last records, if all of these are refused, what leaves them out."""
        count = next((n for n in range(part.records) if part.records - 1 - n not in problems), part.records)
        # a table of which all rows are refused has another fault
        if 0 < count < self._row + part.records:
            record = part.records - count
            column, reason = problems[record][0]
            problems[record][0] = (column, reason + _hint_at_end(part, record, count))

    def _batch(self, part: FilePart, keep: NDArray[np.bool_]) -> SourceBatch | None:
        if not keep.any():
            return None
        # a part may have further columns, which another pass keeps
        arrays = [converted.values for converted in part.columns[: len(self._columns)]]
        numbers = part.numbers
        if not keep.all():
            chosen = pa.array(keep)
            arrays = [array.filter(chosen) for array in arrays]
            numbers = np.flatnonzero(keep) if numbers is None else numbers[keep]
        records = pa.RecordBatch.from_arrays(arrays, [column.name for column in self._columns])
        return SourceBatch(records, self._file.name, part, self._row, self._line, numbers)

    def _note_zones(self, column: Column, converted: Converted) -> None:
        """Note, once, that only some of a column's times name their zone."""
        there = None if converted.named is None else converted.named[converted.values.is_valid().to_numpy(False)]
        if there is None or not len(there) or column.name in self._mixed:
            return
        first = self._named.setdefault(column.name, bool(there[0]))
        if (there != first).any():
            self._mixed.add(column.name)
            self._counts.notes.append(
                f"{self._file.name}: some times of column {column.name!r} name a zone and some do not; "
                f"those that do not are read in {column.zone}"
            )

    def _note_footer(self, part: FilePart, problems: Collection[int]) -> None:
        """Note that the last row, which can be read, looks like a total: it has such a word, and nulls."""
        if not part.is_last or not part.records or part.records - 1 in problems:
            return
        has_null = any(not column.values[-1].is_valid for column in part.columns)
        if has_null and (hint := _hint_at_end(part, part.records - 1, 1)):
            shown = part.place(part.records - 1)[1].decode(errors="replace")
            self._counts.notes.append(f"{self._file.name}: the last row is {quote(shown)}{hint}")

    def _note_rule(self, part: FilePart) -> None:
        """Note that the first row is a line of dashes, as tools of databases write it below the header."""
        if self._row or part.dialect is None or not part.columns or not part.records:
            return
        first = part.place(0)[1]
        if _RULE.fullmatch(first):
            shown = first[:3].decode()
            hint = f"to leave it out, set comment = {shown!r} in the reader"
            self._counts.notes.append(f"{self._file.name}: the first row is a line of {shown[0]!r}; {hint}")

    def _note_cut(self, part: FilePart) -> None:
        if self._file.kind != "csv" or not part.data or not part.columns or part.records - 1 in part.wrong:
            return
        if not part.data.endswith((b"\n", b"\r")):
            self._counts.notes.append(
                f"{self._file.name}: no line break ends the last line; if it was cut off, its last value is short"
            )


def _hint_at_end(part: FilePart, record: int, count: int) -> str:
    """The setting that leaves out the last `count` records, if the first of them reads like a line below the rows."""
    if not part.is_last or count > FOOTER or not is_footer(part.place(record)[1], part.sheet_rows is not None):
        return ""
    lines = "line is" if count == 1 else f"{count} lines are"
    return f"; if the last {lines} not of the table, set skip_last = {count} in the reader"


def _refuse(
    source: str, part: FilePart, record: int, row: int, line: int, problems: tuple[tuple[str | None, str], ...]
) -> RefusedRow:
    own_line, raw = part.place(record)
    return RefusedRow(source, row + record, None if own_line is None else line + own_line + 1, problems, raw)
