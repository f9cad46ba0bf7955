"""`-` as the name of a file: standard input if it is read, standard output if it is written."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from domaintoolkit.errors import OutputError
from domaintoolkit.util.temporary import temporary_folder

__all__ = ["echo_beside", "is_pipe", "keep_input", "writing"]

USED = "domaintoolkit.stdin"
"""The context's note that standard input has been read."""

TEXT = (".csv", ".json", ".html", ".toml")
"""Endings of the formats that a terminal can show."""


def is_pipe(file: Path | str) -> bool:
    """Return True if the name of a file stands for standard input or output."""
    return str(file) == "-"


def keep_input(file: Path) -> Path:
    """The file itself; for `-`, a file with all of standard input, which is removed when the command ends.

    Commands read their rows more than once, and look at the first bytes to tell what they are.
    """
    if not is_pipe(file):
        return file
    context = click.get_current_context()
    if context.meta.setdefault(USED, False):
        raise click.UsageError("standard input can be read once, so give - once")
    context.meta[USED] = True
    folder = context.find_root().with_resource(temporary_folder())
    kept = folder / "stdin"
    with kept.open("wb") as target:
        shutil.copyfileobj(sys.stdin.buffer, target, 1 << 20)
    return kept


@contextmanager
def writing(file: Path, ending: str) -> Iterator[Path]:
    """The path that a job writes; for `-`, that of a file with this ending, which then goes to standard output."""
    if not is_pipe(file):
        yield file
        return
    if ending not in TEXT and sys.stdout.isatty():
        raise OutputError("-", f"a {ending.removeprefix('.')} file is not for a terminal; name a file, or pipe it")
    with temporary_folder() as folder:
        made = folder / f"stdout{ending}"
        yield made
        stream = sys.stdout.buffer
        with made.open("rb") as source:
            shutil.copyfileobj(source, stream, 1 << 20)
        stream.flush()


def echo_beside(file: Path, message: str) -> None:
    """Print a message; on standard error if `file` is standard output, so that it does not get between its bytes."""
    click.echo(message, err=is_pipe(file))
