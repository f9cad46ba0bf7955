"""Rows that are refused while encoding: found in a part of the table, named by the file and row they came from."""

from __future__ import annotations

import csv
import json
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.partition.input import ORIGIN, ROW_BITS, origins
from domaintoolkit.reading.refused_rows import KEPT, Quarantine, RefusedRow
from domaintoolkit.storage.resume_state import REFUSED
from domaintoolkit.util.artifacts import replacing

__all__ = [
    "Kept",
    "Logged",
    "count_logged",
    "finish_quarantine",
    "from_json",
    "in_file_order",
    "located",
    "logged_rows",
    "raise_refused",
    "refused_path",
    "refused_rows",
    "to_json",
    "write_quarantine",
]

OTHER_ROW = re.compile(r"in row (\d+) of(?= the same entity$)")


class Kept(list[RefusedRow]):
    """Takes refused rows as they are found, and keeps the first `limit` of them (left out: all); counts all."""

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
        """Take `rows` that come in another order than that of the files, whose first are kept."""
        limit, self.limit = self.limit, None
        self.add(rows)
        self.limit = limit
        self[:] = in_file_order(self, names)[:limit]


def located(source: Any, rows: Iterable[RefusedRow], names: Sequence[str]) -> Iterator[RefusedRow]:
    """The same rows, which come in the order of the files, with their lines and their text as found.

    That takes one more pass over the files, where any row lacks them; no more is held than a batch.
    """
    order, coming = _order(names), iter(rows)
    row = next(coming, None)
    while row is not None and (row.line is not None or not hasattr(source, "files")):
        yield row
        row = next(coming, None)
    if row is None:
        return
    for batch in source.batches(None, Kept(0)):
        last = order(batch.source, int(batch.rows[-1])) if len(batch.rows) else (-1, -1)
        while row is not None and order(row.source, row.row) <= last:
            yield _found(row, batch)
            row = next(coming, None)
        if row is None:
            return
    yield row
    yield from coming


def _found(row: RefusedRow, batch: Any) -> RefusedRow:
    """The row as it stands in a batch, if it is of that."""
    index = int(np.searchsorted(batch.rows, row.row))
    if row.line is not None or row.source != (batch.source or "") or batch.rows[index] != row.row:
        return row
    found: RefusedRow = batch.refused(index, None, "")
    return replace(found, problems=row.problems)


def _order(names: Sequence[str]) -> Callable[[str | None, int], tuple[int, int]]:
    """What rows of the sources `names` are sorted by."""
    place = {name: number for number, name in enumerate(names)}
    return lambda source, row: (place.get(source or "", len(place)), row)


def refused_rows(table: pa.Table, refused: Sequence[Refusal], names: Sequence[str]) -> list[RefusedRow]:
    """The rows of `table` that a tokenizer has refused, with their sources, their rows there and their values."""
    if not refused:
        return []
    origin = table[ORIGIN].to_numpy()
    whole = origin & ((1 << ROW_BITS) - 1)
    problems: dict[int, list[tuple[str | None, str]]] = {}
    for refusal in refused:
        assert refusal.row is not None
        problems.setdefault(refusal.row, []).append((refusal.column, _with_other_row(refusal.reason, whole)))
    rows = np.array(list(problems))
    places = origins(origin[rows], names)
    values = table.drop_columns(ORIGIN).take(pa.array(rows)).to_pylist()
    return [
        RefusedRow(source or "", row, None, tuple(own), _raw(value))
        for own, (source, row), value in zip(problems.values(), places, values, strict=True)
    ]


def _with_other_row(reason: str, numbers: NDArray[np.int64]) -> str:
    """A reason that names another row of a table, with the number that row has elsewhere, such as in its source."""
    return OTHER_ROW.sub(lambda found: f"in row {int(numbers[int(found[1])])} of", reason)


def _raw(values: dict[str, Any]) -> bytes:
    return json.dumps(values, default=str, ensure_ascii=False).encode(errors="surrogatepass")


def to_json(row: RefusedRow) -> dict[str, Any]:
    """A refused row as plain data."""
    problems = [list(problem) for problem in row.problems]
    return {"source": row.source, "row": row.row, "line": row.line, "problems": problems, "raw": row.raw.hex()}


def from_json(data: dict[str, Any]) -> RefusedRow:
    """The row that `to_json` gave."""
    problems = tuple((column, reason) for column, reason in data["problems"])
    return RefusedRow(**{**data, "raw": bytes.fromhex(data["raw"]), "problems": problems})


class Logged:
    """Takes refused rows as they are found, and writes them beside an unfinished encoding; counts them.

    At the end of the block there is a file for them; where there were none, or an error came, none.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path, self._open = refused_path(folder, name), ExitStack()
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


def logged_rows(folder: Path, names: Iterable[str], sources: Sequence[str]) -> Iterator[RefusedRow]:
    """The rows that were written to the files of these names, in the order of the sources; one at a time is held."""
    order, paths = _order(sources), [path for name in names if (path := refused_path(folder, name)).exists()]
    places: list[array[int]] = [array("q") for _ in range(4)]
    with ExitStack() as opened:
        files = [opened.enter_context(path.open("rb")) for path in paths]
        for number, file in enumerate(files):
            start = 0
            for line in file:
                row = json.loads(line)
                for place, value in zip(places, (*order(row["source"], row["row"]), number, start), strict=True):
                    place.append(value)
                start += len(line)
        source, numbers, which, starts = (np.array(place, np.int64) for place in places)
        for at in np.lexsort((numbers, source)).tolist():
            file = files[which[at]]
            file.seek(int(starts[at]))
            yield from_json(json.loads(file.readline()))


def count_logged(folder: Path, name: str) -> int:
    """How many rows there are in such a file; none where there is no file."""
    path = refused_path(folder, name)
    if not path.exists():
        return 0
    with path.open("rb") as file:
        return sum(1 for _ in file)


def refused_path(folder: Path, name: str) -> Path:
    """Where rows that were refused in reading, or in a shard, are until all is encoded."""
    return folder / REFUSED / f"{name}.jsonl"


def raise_refused(rows: Sequence[RefusedRow], names: Sequence[str], problems: int | None = None) -> None:
    """Raise all as one `DataError`, in the order of the files; nothing refused, nothing raised.

    `problems` is how many there are in all (left out: those of `rows`).
    """
    if rows:
        listed = [refusal for row in in_file_order(rows, names)[:KEPT] for refusal in row.refusals()]
        named = [Refusal(each.row, each.column, each.reason, each.source or None, each.line) for each in listed]
        raise DataError(named, sum(len(row.problems) for row in rows) if problems is None else problems)


def write_quarantine(path: Path, rows: Iterable[RefusedRow]) -> bool:
    """Write the rows, which come in the order of the files, to a quarantine file; whether there were any."""
    with Quarantine(path) as quarantine:
        quarantine.add(rows)
    return quarantine.total > 0


def finish_quarantine(path: Path, rows: int) -> None:
    """Give a quarantine file that a kill has left beside its name that name, where it holds the `rows` that it should.

    Any other is of a run that came to nothing, and is removed.
    """
    beside = Quarantine(path).beside
    if beside.exists():
        with beside.open(encoding="utf-8", newline="") as file:
            found = sum(1 for _ in csv.reader(file)) - 1 if path.suffix == ".csv" else sum(1 for _ in file)
        beside.replace(path) if found == rows else beside.unlink()


def in_file_order(rows: Sequence[RefusedRow], names: Sequence[str]) -> list[RefusedRow]:
    """The rows in the order of the files, and within a file."""
    order = _order(names)
    return sorted(rows, key=lambda row: order(row.source, row.row))
