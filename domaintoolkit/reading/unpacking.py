"""Open a file's bytes, unpacked, and report every failure as a `SourceError`."""

from __future__ import annotations

import gzip
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, cast

from domaintoolkit.errors import SourceError

__all__ = ["open_archive", "open_unpacked", "problem"]


@contextmanager
def open_unpacked(path: Path, packing: str | None, member: str | None) -> Iterator[BinaryIO]:
    """The unpacked bytes of a file; a failure while they are read is a `SourceError` as well."""
    name = str(path) if member is None else f"{path}!{member}"
    with ExitStack() as stack:
        try:
            if packing == "gzip":
                yield cast("BinaryIO", stack.enter_context(gzip.open(path)))
            elif packing == "zip" and member is not None:
                yield cast("BinaryIO", stack.enter_context(open_archive(path).open(member)))
            else:
                yield stack.enter_context(path.open("rb"))
        except EOFError:
            raise SourceError(name, f"cut short: the {packing} data ends early") from None
        except (gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
            raise SourceError(name, f"damaged {packing} data ({error})") from None
        # zipfile raises RuntimeError for an encrypted member, the other for an unknown compression
        except (RuntimeError, NotImplementedError) as error:
            if packing != "zip":
                raise
            raise SourceError(name, f"a zip member that cannot be unpacked ({error})") from None
        except OSError as error:
            raise problem(name, error) from None


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
