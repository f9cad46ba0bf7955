"""Find the files to read, recognise what they hold, and detect changes in them."""

from __future__ import annotations

import glob
import hashlib
import os
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from domaintoolkit.errors import SourceError
from domaintoolkit.reading.file_types import Kind, Recognised, named_kind, recognise
from domaintoolkit.reading.unpacking import open_unpacked, problem

__all__ = ["Fingerprint", "SourceFile", "find_files", "fingerprint"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".pq", ".arrow", ".arrows", ".feather", ".ipc", ".gz", ".zip")
"""Endings of the files that are read from a directory."""

TEXT = (".csv", ".tsv", ".txt")
HEAD = 1024

Paths = str | os.PathLike[str] | Iterable[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Detects a changed file: size in bytes and time of change in ns nearly always, `sha256` always."""

    size: int
    modified: int
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One table: a file, or the `member` of a zip file. `packing` is gzip, zip or None."""

    path: Path
    kind: Kind
    packing: str | None = None
    member: str | None = None

    @property
    def name(self) -> str:
        """The name that messages use."""
        return str(self.path) if self.member is None else f"{self.path}!{self.member}"


def fingerprint(path: str | os.PathLike[str], checksum: bool = False) -> Fingerprint:
    """Size, time of change and, if asked for, checksum of the file at `path`."""
    try:
        status = os.stat(path)
        digest = None
        if checksum:
            with open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise problem(path, error) from None
    return Fingerprint(status.st_size, status.st_mtime_ns, digest)


def find_files(paths: Paths, wanted: str = "auto") -> tuple[SourceFile, ...]:
    """The files that `paths` (files, directories, patterns) name, each recognised by its first bytes.

    `wanted` is a `Reader.format`. Raises `SourceError` if one cannot be read.
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
    return tuple(file for path in seen.values() for file in _look_into(path, wanted))


def _expand(entry: str | os.PathLike[str]) -> list[Path]:
    path = Path(entry).expanduser()
    text = str(path)
    # a file whose own name has a bracket in it is not a pattern
    if not os.path.lexists(path) and any(mark in text for mark in "*?["):
        found = sorted(Path(name) for name in glob.glob(text, recursive=True) if not os.path.isdir(name))
        if not found:
            raise SourceError(text, "no file matches")
        return found
    if not path.is_dir():
        return [path]
    try:
        inside = sorted(path.iterdir())
    except OSError as error:
        raise problem(path, error) from None
    found = [file for file in inside if file.name.lower().endswith(SUFFIXES) and file.name[0] not in "._"]
    found = [file for file in found if not file.is_dir()]
    if not found:
        kinds = ", ".join(SUFFIXES[:8])
        raise SourceError(
            text,
            f"a directory with nothing to read in it ({kinds}; plain, .gz or .zip); for files in "
            f"folders below it, give a pattern such as '{text}/**/*.csv'",
        )
    return found


def _look_into(path: Path, wanted: str) -> Iterator[SourceFile]:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(str(path), "not a regular file (a pipe cannot be read twice)")
        with path.open("rb") as file:
            head = file.read(HEAD)
    except OSError as error:
        raise problem(path, error) from None
    found = recognise(head)
    _fits_name(path, found)
    if found.packing == "zip":
        for member in _members(path):
            yield _check_unpacked(SourceFile(path, "csv", "zip", member), wanted)
    elif found.packing == "gzip":
        yield _check_unpacked(SourceFile(path, "csv", "gzip"), wanted)
    else:
        yield _check_unpacked(SourceFile(path, _kind(str(path), found.kind, found.text, wanted)), wanted, seen=True)


def _check_unpacked(file: SourceFile, wanted: str, seen: bool = False) -> SourceFile:
    """`file`, after its unpacked bytes are recognised as well."""
    if not seen:
        with open_unpacked(file.path, file.packing, file.member) as stream:
            found = recognise(stream.read(HEAD))
        kind = _kind(file.name, found.kind, found.text, wanted)
        if kind != "csv" or found.packing:
            raise SourceError(file.name, f"{found.text} inside a {file.packing} file; only CSV is read from one")
    return file


def _kind(name: str, kind: Kind | None, text: str, wanted: str) -> Kind:
    if kind is None:
        raise SourceError(name, f"expected CSV, Parquet or Arrow, found {text}")
    expected = {"parquet": {"parquet"}, "arrow": {"arrow", "arrow stream"}, "csv": {"csv"}}.get(wanted)
    if expected is not None and kind not in expected:
        raise SourceError(name, f"expected {wanted}, found {text}")
    return kind


def _fits_name(path: Path, found: Recognised) -> None:
    """Refuse a file of text or packed data whose name says that it is something else."""
    said = named_kind(path.name)
    if said is not None and (found.kind == "csv" or found.packing not in {None, said}):
        raise SourceError(str(path), f"the name says {said}, but the file holds {found.text}")


def _members(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            names = [item.filename for item in archive.infolist() if not item.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(str(path), f"a zip file that is damaged or cut short ({error})") from None
    if "[Content_Types].xml" in names:
        raise SourceError(str(path), "expected CSV, Parquet or Arrow, found an Office document (save the table as CSV)")
    # macOS adds a folder of its own to zip files
    names = sorted(name for name in names if not name.startswith("__MACOSX/") and name.split("/")[-1][0] != ".")
    tables = [name for name in names if name.lower().endswith(TEXT[:2])] or [
        name for name in names if name.lower().endswith(TEXT) or len(names) == 1
    ]
    if not tables:
        raise SourceError(str(path), f"a zip file without CSV in it; it holds {', '.join(names[:10]) or 'nothing'}")
    return tables
