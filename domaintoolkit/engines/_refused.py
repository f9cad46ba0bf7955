"""Rows that are refused while encoding: found in a part of the table, named by the file and row they came from."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit._files import replacing
from domaintoolkit.engines._input import ORIGIN, ROW_BITS, origins
from domaintoolkit.engines._state import REFUSED
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.streams._read_refused import KEPT, Quarantine, RefusedRow

__all__ = [
    "Kept",
    "finish_quarantine",
    "from_json",
    "in_file_order",
    "load_refused",
    "located",
    "raise_refused",
    "refused_path",
    "refused_rows",
    "save_refused",
    "to_json",
    "write_quarantine",
]

OTHER_ROW = re.compile(r"in row (\d+) of(?= the same entity$)")


class Kept(list[RefusedRow]):
    """Takes refused rows as they are found, and keeps them."""

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Take `rows`."""
        self.extend(rows)


def located(source: Any, rows: Sequence[RefusedRow]) -> list[RefusedRow]:
    """The same rows with their lines and their text as found: one more pass over files, where any row lacks them."""
    wanted = {(row.source, row.row): row for row in rows if row.line is None}
    if not wanted or not hasattr(source, "files"):
        return list(rows)
    numbers: dict[str | None, list[int]] = {}
    for name, number in wanted:
        numbers.setdefault(name, []).append(number)
    sought = {name: np.array(each) for name, each in numbers.items()}
    none = np.zeros(0, np.int64)
    found: dict[tuple[str | None, int], RefusedRow] = {}
    for batch in source.batches(None, Kept()):
        for index in np.flatnonzero(np.isin(batch.rows, sought.get(batch.source, none))).tolist():
            place = (batch.source, int(batch.rows[index]))
            found[place] = replace(batch.refused(index, None, ""), problems=wanted[place].problems)
    return [found.get((row.source, row.row), row) for row in rows]


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


def save_refused(folder: Path, name: str, rows: Sequence[RefusedRow]) -> None:
    """Write rows beside an unfinished encoding in `folder`; where there are none, no file."""
    if rows:
        with replacing(refused_path(folder, name)) as file:
            file.writelines(json.dumps(to_json(row)).encode() + b"\n" for row in rows)


def load_refused(folder: Path, name: str) -> list[RefusedRow]:
    """The rows that `save_refused` wrote; none where it wrote no file."""
    path = refused_path(folder, name)
    if not path.exists():
        return []
    with path.open("rb") as file:
        return [from_json(json.loads(line)) for line in file]


def refused_path(folder: Path, name: str) -> Path:
    """Where rows that were refused in reading, or in a shard, are until all is encoded."""
    return folder / REFUSED / f"{name}.jsonl"


def raise_refused(rows: Sequence[RefusedRow], names: Sequence[str]) -> None:
    """Raise all as one `DataError`, in the order of the files; nothing refused, nothing raised."""
    if rows:
        listed = [refusal for row in in_file_order(rows, names)[:KEPT] for refusal in row.refusals()]
        named = [Refusal(each.row, each.column, each.reason, each.source or None, each.line) for each in listed]
        raise DataError(named, sum(len(row.problems) for row in rows))


def write_quarantine(path: Path, rows: Sequence[RefusedRow], names: Sequence[str]) -> bool:
    """Write the rows to a quarantine file, in the order of the files; whether there were any."""
    with Quarantine(path) as quarantine:
        quarantine.add(in_file_order(rows, names))
    return bool(rows)


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
    place = {name: number for number, name in enumerate(names)}
    return sorted(rows, key=lambda row: (place.get(row.source, len(place)), row.row))
