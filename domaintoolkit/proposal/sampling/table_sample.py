"""`TableSample`: the rows that were looked at, and the parts of it that files of every kind share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from domaintoolkit.reading import SourceFile

__all__ = [
    "FILES",
    "ROWS",
    "FoundColumn",
    "TableSample",
    "count_occurrence",
    "estimate_total",
    "join_chunks",
    "make_path",
    "settings_of_footers",
    "spread_files",
]

FILES = 12
"""Files whose rows are looked at; of more files, those that are spread over all."""

ROWS = 150_000
"""Rows that are looked at."""


@dataclass(frozen=True, slots=True)
class FoundColumn:
    """A column of the files, with the values that were looked at; null is what the files say is null."""

    header: str
    values: pa.Array
    occurrence: int | None = None
    """The number of the column among those with its header, if there are several."""
    is_optional: bool = False
    """True if some of the files do not have it."""
    is_list: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def is_duration(self) -> bool:
        """True if the values are of a type of durations."""
        return bool(pa.types.is_duration(self.values.type))

    @property
    def is_typed(self) -> bool:
        """True if the files say of which type the values are."""
        return not pa.types.is_string(self.values.type)


@dataclass(frozen=True)
class TableSample:
    """The rows that were looked at; `settings` are those of the reader, and `folder` holds these rows as files."""

    files: tuple[SourceFile, ...]
    columns: tuple[FoundColumn, ...]
    settings: dict[str, Any]
    paths: tuple[str, ...]
    rows: int
    total: int
    """About how many rows the files have."""
    refused: int = 0
    """Rows that were looked at and cannot be read, whatever the columns are."""
    notes: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """True if all rows were looked at."""
        return self.rows + self.refused >= self.total


def spread_files(files: Sequence[SourceFile], most: int) -> list[SourceFile]:
    """At most so many of the files, spread over all, with the first and the last."""
    if len(files) <= most:
        return list(files)
    return [files[number * (len(files) - 1) // (most - 1)] for number in range(most)]


def make_path(folder: Path, file: SourceFile, number: int, suffix: str) -> Path:
    """A path for the rows of a file, below folders that give the same columns."""
    parts = [part for part in file.path.parent.parts if "=" in part]
    path = folder.joinpath(f"{number}", *parts, f"rows{suffix}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def settings_of_footers(footers: Mapping[str, Sequence[str]]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The settings that leave out the lines below the rows of each file, and notes on them."""
    counts = {len(lines) for lines in footers.values()}
    shown = next((f"{lines[0]!r} in {name}" for name, lines in footers.items() if lines), "")
    if not shown:
        return {}, ()
    if len(counts) > 1:
        note = f"some files have lines below their rows, such as {shown}, and others have not as many"
        return {}, (f"{note}: set comment to the beginnings of these lines",)
    count = counts.pop()
    words = "line of a file is" if count == 1 else f"{count} lines of a file are"
    return {"skip_last": count}, (f"the last {words} not of the table, such as {shown}: skip_last leaves them out",)


def estimate_total(rows: int, share: float) -> int:
    """The rows of all files, if those that were looked at are this share of them."""
    return rows if share >= 1 else round(rows / max(share, 1e-9))


def join_chunks(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array."""
    made = column.combine_chunks()
    return made if isinstance(made, pa.Array) else pa.concat_arrays(made.chunks)


def count_occurrence(headers: Sequence[str], place: int) -> int | None:
    """The number of a header among those that are equal to it, from 1 on; None if it is the only one."""
    return None if headers.count(headers[place]) == 1 else headers[: place + 1].count(headers[place])
