"""Open a file's bytes, unpacked, and report every failure as a `SourceError`."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, cast

import pyarrow as pa

from domaintoolkit.errors import SourceError

__all__ = ["STREAMS", "open_archive", "open_unpacked", "problem"]


@contextmanager
def open_unpacked(path: Path, packing: str | None, member: str | None) -> Iterator[BinaryIO]:
    """The unpacked bytes of a file; a failure while they are read is a `SourceError` as well."""
    name = str(path) if member is None else f"{path}!{member}"
    with ExitStack() as stack:
        try:
            if packing in STREAMS:
                yield cast("BinaryIO", stack.enter_context(STREAMS[packing](path)))
            elif packing == "zip" and member is not None:
                yield cast("BinaryIO", stack.enter_context(open_archive(path).open(member)))
            else:
                yield stack.enter_context(path.open("rb"))
        except EOFError:
            raise SourceError(name, f"cut short: the {packing} data ends early") from None
        except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, lzma.LZMAError, pa.ArrowInvalid) as error:
            raise SourceError(name, f"damaged {packing} data ({error})") from None
        # zipfile raises RuntimeError for an encrypted member, the other for an unknown compression
        except (RuntimeError, NotImplementedError) as error:
            if packing != "zip":
                raise
            raise SourceError(name, f"a zip member that cannot be unpacked ({error})") from None
        except OSError as error:
            if packing in STREAMS and error.errno is None:  # of the packing, not of the system
                raise SourceError(name, f"damaged {packing} data ({error})") from None
            raise problem(name, error) from None


def _open_zstandard(path: Path) -> BinaryIO:
    """The unpacked bytes of a file of Zstandard; raises `EOFError` if it is cut short, which Arrow does not notice."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        while file.tell() < size:
            _skip_frame(file)
        if file.tell() > size:
            raise EOFError
    return cast("BinaryIO", pa.input_stream(path, compression="zstd"))


def _skip_frame(file: BinaryIO) -> None:
    """Go on to the end of a frame of Zstandard (RFC 8878): its header, its blocks and its checksum."""
    magic = _take_number(file, 4)
    if magic >> 4 == 0x184D2A5:  # a frame of other data
        file.seek(_take_number(file, 4), os.SEEK_CUR)
        return
    if magic != 0xFD2FB528:
        raise pa.ArrowInvalid("no frame begins there")
    flags = _take_number(file, 1)
    is_single, has_checksum = flags >> 5 & 1, flags >> 2 & 1
    content_size = (is_single, 2, 4, 8)[flags >> 6]
    file.seek((0 if is_single else 1) + (0, 1, 2, 4)[flags & 3] + content_size, os.SEEK_CUR)
    is_last = 0
    while not is_last:
        block = _take_number(file, 3)
        is_last, kind = block & 1, block >> 1 & 3
        file.seek(1 if kind == 1 else block >> 3, os.SEEK_CUR)  # of a repeated byte, only one is stored
    file.seek(4 * has_checksum, os.SEEK_CUR)


def _take_number(file: BinaryIO, size: int) -> int:
    data = file.read(size)
    if len(data) < size:
        raise EOFError
    return int.from_bytes(data, "little")


STREAMS: dict[str | None, Callable[[Path], Any]] = {
    "gzip": gzip.open,
    "bzip2": bz2.open,
    "xz": lzma.open,
    "Zstandard": _open_zstandard,
}
"""Opens a packed file, for each packing of a single one."""


def open_archive(path: Path) -> zipfile.ZipFile:
    """A zip file, whose members several threads may read; one that was just opened is not opened again.

    Opening it reads the list of its members, which takes as long as reading all of them if they are many and small.
    Raises OSError and `zipfile.BadZipFile`.
    """
    status = path.stat()
    # a process that is forked shares the position in an open file, so that it needs its own
    return _archive(path, status.st_size, status.st_mtime_ns, os.getpid())


@lru_cache(maxsize=2)
def _archive(path: Path, *_state: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


def problem(path: str | os.PathLike[str], error: OSError) -> SourceError:
    """The `SourceError` for a failed system call."""
    reasons = {
        FileNotFoundError: "does not exist",
        PermissionError: "no permission to read it",
        IsADirectoryError: "is a directory",
        NotADirectoryError: "a part of its path is not a directory",
    }
    return SourceError(os.fspath(path), reasons.get(type(error), error.strerror or str(error)))
