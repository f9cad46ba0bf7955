"""Rows that a job refuses: with the file and row they came from, kept in memory or in files of an unfinished job."""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.partition.origin import ORIGIN, drop_origins, unpack_origins
from domaintoolkit.jobs.partition.row_source import RowSource
from domaintoolkit.reading import Source
from domaintoolkit.reading.refused_rows import KEPT, Quarantine, RefusedRow
from domaintoolkit.reading.source import SourceBatch
from domaintoolkit.storage.resume_state import REFUSED
from domaintoolkit.util.partials import replacing

__all__ = [
    "RefusalList",
    "RefusalLog",
    "count_log",
    "describe_refusals",
    "finish_quarantine",
    "from_json",
    "locate_rows",
    "log_path",
    "raise_if_all_refused",
    "raise_refusals",
    "read_logs",
    "sort_rows",
    "to_json",
    "write_quarantine",
]


class RefusalList(list[RefusedRow]):
    """Takes refused rows as they are found, and keeps the first `limit` of them (default: all); counts all."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__()
        self.limit, self.rows, self.problems = limit, 0, 0

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Take `rows`."""
        for row in rows:
            self.rows += 1
            self.problems += len(row.problems)
            if self.limit is None or len(self) < self.limit:
                self.append(row)

    def add_unordered(self, rows: Iterable[RefusedRow], names: Sequence[str]) -> None:
        """Take `rows` that come in any order, and keep those that are first in the order of the files."""
        limit, self.limit = self.limit, None
        self.add(rows)
        self.limit = limit
        self[:] = sort_rows(self, names)[:limit]


def locate_rows(source: RowSource, rows: Iterable[RefusedRow], names: Sequence[str]) -> Iterator[RefusedRow]:
    """The same rows, which come in the order of the files, with their lines and their text as found.

    If any row lacks them, that takes one more pass over the files; no more than a batch is held.
    """
    if not isinstance(source, Source):
        yield from rows
        return
    order, coming = _order(names), iter(rows)
    row = next(coming, None)
    while row is not None and row.line is not None:
        yield row
        row = next(coming, None)
    if row is None:
        return
    for batch in source.batches(None, RefusalList(0)):
        last = order(batch.source, int(batch.rows[-1])) if len(batch.rows) else (-1, -1)
        while row is not None and order(row.source, row.row) <= last:
            yield _complete(row, batch)
            row = next(coming, None)
        if row is None:
            return
    yield row
    yield from coming


def _complete(row: RefusedRow, batch: SourceBatch) -> RefusedRow:
    """The row with its line and text, if it is one of the batch."""
    index = int(np.searchsorted(batch.rows, row.row))
    if row.line is not None or row.source != batch.source or batch.rows[index] != row.row:
        return row
    return batch.refuse(index, row.problems)


def _order(names: Sequence[str]) -> Callable[[str | None, int], tuple[int, int]]:
    """The sort key of a row: the place of its source in `names`, then its number."""
    place = {name: number for number, name in enumerate(names)}
    return lambda source, row: (place.get(source or "", len(place)), row)


def describe_refusals(table: pa.Table, refused: Sequence[Refusal], names: Sequence[str]) -> list[RefusedRow]:
    """The rows of `table` that a tokenizer refused, with their sources, their rows there and their values."""
    if not refused:
        return []
    packed = table[ORIGIN].to_numpy()
    problems: dict[int, list[tuple[str | None, str]]] = {}
    for refusal in refused:
        assert refusal.row is not None
        reason = refusal.reason
        if refusal.other is not None:
            ((source, row),) = unpack_origins(packed[[refusal.other]]).with_names(names)
            reason += f" ({source}, row {row})" if source else f" (row {row})"
        problems.setdefault(refusal.row, []).append((refusal.column, reason))
    rows = np.array(list(problems))
    places = unpack_origins(packed[rows]).with_names(names)
    values = drop_origins(table).take(pa.array(rows)).to_pylist()
    return [
        RefusedRow(source or "", row, None, tuple(own), _raw(value))
        for own, (source, row), value in zip(problems.values(), places, values, strict=True)
    ]


def _raw(values: dict[str, Any]) -> bytes:
    return json.dumps(values, default=str, ensure_ascii=False).encode(errors="surrogatepass")


def to_json(row: RefusedRow) -> dict[str, Any]:
    """A refused row as plain data."""
    problems = [list(problem) for problem in row.problems]
    return {"source": row.source, "row": row.row, "line": row.line, "problems": problems, "raw": row.raw.hex()}


def from_json(data: dict[str, Any]) -> RefusedRow:
    """The row that `to_json` made into `data`."""
    problems = tuple((column, reason) for column, reason in data["problems"])
    return RefusedRow(**{**data, "raw": bytes.fromhex(data["raw"]), "problems": problems})


class RefusalLog:
    """Takes refused rows as they are found, writes them to a file of the unfinished encoding, and counts them.

    The file is there from the end of the block on, unless there are no such rows or the block ends in an error.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._open = log_path(folder, name), ExitStack()
        self._file: BinaryIO | None = None
        self.rows = 0

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Take `rows`."""
        for row in rows:
            if self._file is None:
                self._file = self._open.enter_context(replacing(self._path))
            self._file.write(json.dumps(to_json(row)).encode() + b"\n")
            self.rows += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self._open.__exit__(*error)


def read_logs(folder: Path, names: Iterable[str], sources: Sequence[str]) -> Iterator[RefusedRow]:
    """The rows in the log files of these names, in the order of the sources; one at a time is held in memory."""
    order, paths = _order(sources), [path for name in names if (path := log_path(folder, name)).exists()]
    places: list[array[int]] = [array("q") for _ in range(4)]  # source, row, log file, byte in it
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in paths]
        for number, file in enumerate(files):
            start = 0
            for line in file:
                row = json.loads(line)
                for place, value in zip(places, (*order(row["source"], row["row"]), number, start), strict=True):
                    place.append(value)
                start += len(line)
        # (rows,) each: only the places of the rows are held, not the rows
        source, numbers, which, starts = (np.array(place, np.int64) for place in places)
        for at in np.lexsort((numbers, source)).tolist():
            file = files[which[at]]
            file.seek(int(starts[at]))
            yield from_json(json.loads(file.readline()))


def count_log(folder: Path, name: str) -> int:
    """The number of rows in a log file; 0 if it does not exist."""
    path = log_path(folder, name)
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in file)


def log_path(folder: Path, name: str) -> Path:
    """The file of the rows that were refused in reading, or in a shard, until all is encoded."""
    return folder / REFUSED / f"{name}.jsonl"


def raise_refusals(rows: Sequence[RefusedRow], names: Sequence[str], problems: int | None = None) -> None:
    """Raise all rows as one `DataError`, in the order of the files; do nothing if there are none.

    `problems` is the number of all problems (default: those of `rows`).
    """
    if rows:
        listed = [refusal for row in sort_rows(rows, names)[:KEPT] for refusal in row.refusals()]
        named = [Refusal(each.row, each.column, each.reason, each.source or None, each.line) for each in listed]
        raise DataError(named, sum(len(row.problems) for row in rows) if problems is None else problems)


def raise_if_all_refused(rows: Iterable[RefusedRow], refused: int, rows_in: int) -> None:
    """Raise the first of the refused `rows` if no other row came in: a folder without any row helps nobody."""
    if rows_in and refused == rows_in:
        listed = [refusal for row in islice(rows, KEPT) for refusal in row.refusals()]
        named = [replace(each, source=each.source or None) for each in listed]
        every = f"all {refused:,} rows were refused" if refused > 1 else "the only row was refused"
        raise DataError([Refusal(None, None, f"{every}, so nothing was encoded"), *named], refused + 1)


def write_quarantine(path: Path, rows: Iterable[RefusedRow]) -> bool:
    """Write the rows, which come in the order of the files, to a quarantine file; return True if there are any."""
    with Quarantine(path) as quarantine:
        quarantine.add(rows)
    return quarantine.total > 0


def finish_quarantine(path: Path, rows: int) -> None:
    """Rename the partial quarantine file that a killed run left, if it holds all `rows` that it should.

    Otherwise it belongs to a run that wrote nothing else, and is removed.
    """
    partial = Quarantine(path).beside
    if partial.exists():
        with partial.open(encoding="utf-8", newline="") as file:
            found = sum(1 for _ in csv.reader(file)) - 1 if path.suffix == ".csv" else sum(1 for _ in file)
        partial.replace(path) if found == rows else partial.unlink()


def sort_rows(rows: Sequence[RefusedRow], names: Sequence[str]) -> list[RefusedRow]:
    """The rows in the order of the files, and within a file."""
    order = _order(names)
    return sorted(rows, key=lambda row: order(row.source, row.row))
