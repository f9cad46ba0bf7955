"""Rows that are refused in reading: their record, and the places that collect them."""

from __future__ import annotations

import base64
import csv
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from domaintoolkit.errors import DataError, LookupFailedError, OutputError, Refusal

__all__ = ["COLUMNS", "Collected", "Quarantine", "RefusedRow", "RefusedRows", "entry"]

KEPT = 1000
"""Refusals that an error carries; the others are only counted."""

# the list of OWASP's page on CSV injection; the last four are the full-width forms of the first
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets may take a text that begins so for a formula."""

COLUMNS = ("source", "row", "line", "column", "reason", "raw", "raw_base64")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """One row of a file that is not passed on.

    `row` counts the file's data rows from 0, refused ones included; `line` counts lines from 1 and is None
    if the file is not text. `problems` are (column or None, reason). `raw` is the row's text as found,
    or the row as JSON if the file is not text.
    """

    source: str
    row: int
    line: int | None
    problems: tuple[tuple[str | None, str], ...]
    raw: bytes

    def refusals(self) -> list[Refusal]:
        """One `Refusal` per problem."""
        return [Refusal(self.row, column, reason, self.source, self.line) for column, reason in self.problems]


class RefusedRows(Protocol):
    """Takes refused rows as they are found."""

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Take `rows`."""


@dataclass(slots=True)
class Collected:
    """Keeps the first refusals and counts all, to raise them together."""

    refusals: list[Refusal] = field(default_factory=list)
    problems: int = 0

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Take `rows`."""
        for row in rows:
            self.problems += len(row.problems)
            if len(self.refusals) < KEPT:
                self.refusals.extend(row.refusals())

    def raise_any(self) -> None:
        """Raise all that was taken as one `DataError`; do nothing if nothing was taken."""
        if self.problems:
            raise DataError(self.refusals, self.problems)


class Quarantine:
    """A file that refused rows are written to as they come; `total` counts them.

    CSV or JSON lines, by the name's ending (`.csv`, `.jsonl`). One line per row: source, row, line, column,
    reason, raw, raw_base64. A row whose text is not UTF-8 is in `raw_base64` exactly and in `raw` with
    its bad bytes as `\\xNN`. In CSV, a text that a spreadsheet would take for a formula begins with `'`, and
    `raw_base64` has the row exactly. The file gets its name when it is complete: a block that an error ends
    leaves no file. Without refused rows no file is written. With `keep`, the rows that the file already holds stay.
    """

    def __init__(self, path: str | os.PathLike[str], keep: bool = False) -> None:
        self.path = Path(path)
        if self.path.suffix not in {".csv", ".jsonl"}:
            raise LookupFailedError("quarantine format", self.path.suffix or self.path.name, (".csv", ".jsonl"))
        self.total = 0
        self._keep = keep
        self.beside = self.path.with_name(self.path.name + ".part")
        self._file: TextIO | None = None

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Write `rows`."""
        for row in rows:
            self._write(entry(row))
            self.total += 1

    def flush(self) -> None:
        """Bring the rows written so far to the disk, in the file that has no name of its own yet."""
        try:
            if self._file is not None:
                self._file.flush()
                os.fsync(self._file.fileno())
        except OSError as error:
            raise OutputError(str(self.path), error.strerror or str(error)) from None

    def close(self) -> None:
        """Give the file its name."""
        if self._file is not None:
            try:
                self._file.close()
                self.beside.replace(self.path)
            except OSError as error:
                raise OutputError(str(self.path), error.strerror or str(error)) from None
            self._file = None

    def discard(self) -> None:
        """Delete the unfinished file."""
        if self._file is not None:
            self._file.close()
            self.beside.unlink(missing_ok=True)
            self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        self.close() if kind is None else self.discard()

    def _write(self, entry: dict[str, Any]) -> None:
        try:
            if self._file is None:
                kept = self._keep and self.path.exists()
                if kept:
                    shutil.copyfile(self.path, self.beside)
                self._file = self.beside.open("a" if kept else "w", encoding="utf-8", newline="")
                if self.path.suffix == ".csv" and not kept:
                    csv.writer(self._file).writerow(COLUMNS)
            if self.path.suffix == ".csv":
                csv.writer(self._file).writerow(_cells(entry))
            else:
                self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        except OSError as error:
            raise OutputError(str(self.path), error.strerror or str(error)) from None


def _cells(entry: dict[str, Any]) -> list[Any]:
    """The values of a line of a CSV file; no text is a formula, since people open the file in spreadsheets."""
    cells = {name: "" if value is None else value for name, value in entry.items()}
    # an apostrophe will be put before it, so that the exact row has to be kept apart
    if _is_formula(cells["raw"]) and not cells["raw_base64"]:
        cells["raw_base64"] = base64.b64encode(cells["raw"].encode()).decode()
    return [f"'{cell}" if name != "raw_base64" and _is_formula(cell) else cell for name, cell in cells.items()]


def _is_formula(value: Any) -> bool:
    """Return True for a text that spreadsheets may run."""
    return isinstance(value, str) and value.lstrip(" ").startswith(FORMULAS)


def entry(row: RefusedRow) -> dict[str, Any]:
    """A refused row as a line of a quarantine file, by column."""
    columns = [column for column, _ in row.problems if column is not None]
    reasons = [reason for _, reason in row.problems]
    if len(row.problems) > 1:
        reasons = [reason if column is None else f"{column}: {reason}" for column, reason in row.problems]
    raw, exact = _text(row.raw)
    values = (row.source, row.row, row.line, ", ".join(columns) or None, "; ".join(reasons), raw, exact)
    return dict(zip(COLUMNS, values, strict=True))


def _text(raw: bytes) -> tuple[str, str | None]:
    try:
        return raw.decode(), None
    except UnicodeDecodeError:
        return raw.decode(errors="backslashreplace"), base64.b64encode(raw).decode()
