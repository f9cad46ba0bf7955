"""Find the files to read, recognise what they hold, and detect changes in them."""

from __future__ import annotations

import glob
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.file_types import Kind, Recognised, named_kind, recognise
from domaintoolkit.reading.unpacking import open_archive, open_unpacked, problem
from domaintoolkit.util.artifacts import file_checksum

__all__ = ["Fingerprint", "SourceFile", "find_files", "fingerprint"]

SUFFIXES = (
    *(".csv", ".tsv", ".jsonl", ".ndjson", ".parquet", ".pq", ".arrow", ".arrows", ".feather", ".ipc"),
    *(".xlsx", ".gz", ".zip", ".bz2", ".xz", ".zst"),
)
"""Endings of the files that are read from a directory."""

JSON = (".json",)
"""Endings of files that are read from a directory with nothing else to read: beside tables, they describe them."""

TABLES, TEXT = (".csv", ".tsv", ".jsonl", ".ndjson"), (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".txt")
"""Endings of the members that are read from a zip file, and of those that are if there are none of the first."""

OWN_FILES = frozenset(("manifest.json", "tokenizer.json", "run.json"))
"""Each of these is in a folder that a command wrote, which holds no tables."""

HEAD = 1024

URL = re.compile("[A-Za-z][A-Za-z0-9+.-]+://")

EXPECTED = "CSV, JSON lines, Excel, Parquet or Arrow"

KINDS = {
    "parquet": ("parquet", "empty"),
    "arrow": ("arrow", "arrow stream", "empty"),
    "csv": ("csv", "empty"),
    "jsonl": ("json lines", "empty"),
    "excel": ("excel", "empty"),
}
"""The kinds of files that each `Reader.format` allows."""

NO_PARTITION = "__HIVE_DEFAULT_PARTITION__"
"""The folder name that stands for null."""

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Detects a changed file: size in bytes and time of change in ns nearly always, `sha256` always."""

    size: int
    modified: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One table: a file, or the `member` of a zip file; `packing` is None if it is not packed."""

    path: Path
    kind: Kind
    packing: str | None = None
    member: str | None = None
    encoding: str = "utf-8"

    @property
    def partition(self) -> dict[str, str | None]:
        """The columns that the names of folders on the path give, such as `day` in `day=2024-01-01/part.csv`."""
        pairs = (part.partition("=") for part in self.path.parent.parts)
        return {
            unquote(name): None if value == NO_PARTITION else unquote(value) for name, equals, value in pairs if equals
        }

    @property
    def name(self) -> str:
        """The name that messages use."""
        return str(self.path) if self.member is None else f"{self.path}!{self.member}"


def fingerprint(path: str | os.PathLike[str], checksum: bool = False) -> Fingerprint:
    """Size, time of change and, if asked for, checksum of the file at `path`."""
    try:
        status = os.stat(path)
        digest = file_checksum(os.fspath(path)) if checksum else None
    except OSError as error:
        raise problem(path, error) from None
    return Fingerprint(status.st_size, status.st_mtime_ns, digest)


def find_files(paths: Paths, wanted: str = "auto", encoding: str = "utf-8") -> tuple[SourceFile, ...]:
    """The files that `paths` (files, directories, patterns) name, each recognised by its first bytes.

    `wanted` is a `Reader.format`, and text is in `encoding`. Raises `SourceError` if one cannot be read. Of several
    files, some may be empty.
    """
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    if not given:
        raise SourceError("files", "none given")
    seen: dict[str, Path] = {}
    for path in (found for entry in given for found in _expand(entry)):
        # by real path, so that a link does not count its target's rows again
        real = os.path.realpath(path)
        if real in seen:
            raise SourceError(str(path), f"given twice (also as {seen[real]}): its rows would count twice")
        seen[real] = path
    files = tuple(file for path in seen.values() for file in _look_into(path, wanted, encoding))
    if all(file.kind == "empty" for file in files):
        raise SourceError(files[0].name, f"expected {EXPECTED}, found an empty file")
    return files


def _expand(entry: str | os.PathLike[str]) -> list[Path]:
    path = Path(entry)
    if not os.path.lexists(path):
        if URL.match(os.fspath(entry)):
            reason = "is a URL, and files are read from this machine: download it, or read Parquet with --engine spark"
            raise SourceError(os.fspath(entry), reason)
        with suppress(RuntimeError):  # there is no such user: the name itself begins with ~
            path = path.expanduser()
    text = str(path)
    # a file whose own name has a bracket in it is not a pattern
    if not os.path.lexists(path) and any(mark in text for mark in "*?["):
        found = sorted(Path(name) for name in glob.glob(text, recursive=True) if not os.path.isdir(name))
        if not found:
            raise SourceError(text, "no file matches")
        return found
    if not path.is_dir():
        return [path]
    suffixes: tuple[str, ...] = SUFFIXES
    found = _inside(path, suffixes)
    if not found:
        suffixes = (*JSON, ".json.gz")
        found = _inside(path, suffixes)
    if not found:
        kinds = ", ".join(SUFFIXES[:10])
        raise SourceError(
            text,
            f"a directory with nothing to read in it ({kinds}; plain or packed); for files in "
            f"folders below it, give a pattern such as '{text}/**/*.csv'",
        )
    if below := _find_below(path, suffixes):
        raise SourceError(
            text,
            f"holds {below}, and of folders below only those named as columns are read, such as day=2024-01-01; for "
            f"all files give a pattern such as '{text}/**/*{below.suffix}', and for those of the folder itself "
            f"'{text}/*{below.suffix}'",
        )
    return found


def _find_below(folder: Path, suffixes: tuple[str, ...]) -> Path | None:
    """A file that could be read, in a folder below whose name gives no column; folders that commands wrote are none."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        if OWN_FILES.intersection(files):
            folders.clear()
            continue
        inside = Path(parent).relative_to(folder).parts
        if any("=" not in name for name in inside):
            wanted = sorted(name for name in files if name[0] not in "._" and name.lower().endswith(suffixes))
            if wanted:
                return Path(parent) / wanted[0]
    return None


def _inside(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The files to read in a folder, and in the folders in it that have names such as `day=2024-01-01`."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.name[0] not in "._")
    except OSError as error:
        raise problem(folder, error) from None
    files = [path for path in inside if path.name.lower().endswith(suffixes) and not path.is_dir()]
    parts = [path for path in inside if "=" in path.name and path.is_dir()]
    return [*files, *(path for part in parts for path in _inside(part, suffixes))]


def _look_into(path: Path, wanted: str, encoding: str) -> Iterator[SourceFile]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(str(path), "not a regular file (a pipe cannot be read twice)")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise problem(path, error) from None
    found = recognise(head, encoding)
    if found.packing == "zip" and _is_workbook(path):
        found = Recognised("an Excel workbook", kind="excel")
    _fits_name(path, found)
    if found.packing == "zip":
        for member in _members(path):
            # each member is a table of its own
            yield _look_inside(path, "zip", member, wanted, encoding)
    elif found.packing is not None:
        yield _look_inside(path, found.packing, None, wanted, encoding)
    else:
        yield SourceFile(path, _kind(str(path), found, wanted), encoding=encoding)


def _look_inside(path: Path, packing: str, member: str | None, wanted: str, encoding: str) -> SourceFile:
    """A packed file, whose unpacked bytes are recognised as well."""
    file = SourceFile(path, "csv", packing, member, encoding)
    with open_unpacked(file.path, packing, member) as stream:
        found = recognise(stream.read(HEAD), encoding)
    kind = _kind(file.name, found, wanted)
    if kind not in ("csv", "json lines", "empty") or found.packing:
        raise SourceError(file.name, f"{found.text} inside a {packing} file; only CSV and JSON lines are read from one")
    return replace(file, kind=kind)


def _kind(name: str, found: Recognised, wanted: str) -> Kind:
    if found.kind is None:
        raise SourceError(name, f"expected {EXPECTED}, found {found.text}")
    expected = KINDS.get(wanted)
    if expected is not None and found.kind not in expected:
        raise SourceError(name, f"expected {wanted}, found {found.text}")
    return found.kind


def _fits_name(path: Path, found: Recognised) -> None:
    """Refuse a file of text or packed data whose name says that it is something else."""
    said = named_kind(path.name)
    if said is not None and (found.kind == "csv" or found.packing not in {None, said}):
        raise SourceError(str(path), f"the name says {said}, but the file holds {found.text}")


def _is_workbook(path: Path) -> bool:
    try:
        return "xl/workbook.xml" in open_archive(path).namelist()
    except (zipfile.BadZipFile, OSError):
        return False  # which is reported when its members are listed


def _members(path: Path) -> list[str]:
    try:
        names = [item.filename for item in open_archive(path).infolist() if not item.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(str(path), f"a zip file that is damaged or cut short ({error})") from None
    if "[Content_Types].xml" in names:
        raise SourceError(str(path), f"expected {EXPECTED}, found an Office document (save the table as CSV)")
    # macOS adds a folder of its own to zip files
    names = sorted(name for name in names if not name.startswith("__MACOSX/") and name.split("/")[-1][0] != ".")
    tables = [name for name in names if name.lower().endswith(TABLES)] or [
        name for name in names if name.lower().endswith(TEXT) or len(names) == 1
    ]
    if not tables:
        raise SourceError(
            str(path), f"a zip file without CSV or JSON lines in it; it holds {', '.join(names[:10]) or 'nothing'}"
        )
    return tables
