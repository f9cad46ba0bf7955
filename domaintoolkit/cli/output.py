"""Checks of the folder or file that a command is asked to write. They run before any work is done."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from domaintoolkit.cli.pipes import is_pipe
from domaintoolkit.errors import OutputError
from domaintoolkit.util.output_sets import is_begun
from domaintoolkit.util.partials import clear_beside, list_whole

__all__ = [
    "check_output_ending",
    "check_output_file",
    "check_output_files",
    "check_output_folder",
    "check_replaced_folder",
]


def check_output_folder(folder: Path, marker: str, overwrite: bool, hint: str) -> None:
    """Check that `folder` is missing or empty, or, with `overwrite`, that it holds the file `marker`.

    Raises `OutputError`, with `hint` if an earlier run wrote the folder.
    """
    if is_pipe(folder):
        raise click.UsageError("a folder cannot be written to standard output; give its name instead of -")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(str(folder), "is a file, not a folder; choose another")
    found = list_whole(folder)
    if found and marker in found and not overwrite:
        raise OutputError(str(folder), hint)
    if found and marker not in found:
        listed = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise OutputError(str(folder), f"already holds something else ({listed}); choose an empty or new folder")


def check_output_ending(option: str, file: Path, endings: tuple[str, ...], pipe: bool = True) -> str:
    """The ending of the name of `file`, which decides the format; `-` is written in the format of the last ending.

    Raises `click.UsageError` if it is none of `endings`, if it is `-` without `pipe`, or if `--json` would write to
    standard output too.
    """
    if is_pipe(file) and not pipe:
        raise click.UsageError(f"{option} writes files beside it too, so it cannot be -; name a file")
    if is_pipe(file):
        if click.get_current_context().params.get("json_output"):
            raise click.UsageError(f"{option} - and --json both write to standard output; drop one of them")
        return endings[-1]
    if file.suffix not in endings:
        raise click.UsageError(f"{option} takes a name that ends in {' or '.join(endings)}, or -, got {str(file)!r}")
    return file.suffix


def check_output_file(file: Path, overwrite: bool) -> None:
    """Check that `file` does not exist, or may be replaced."""
    check_output_files([file], overwrite)


def check_output_files(files: Sequence[Path], overwrite: bool) -> None:
    """Check that none of a command's files and folders exists, or that all may be replaced.

    Those that the same command has made before it was killed are not in its way. What is half written beside those
    that are whole goes.
    """
    named = [file for file in files if not is_pipe(file)]
    there = [file for file in named if file.exists()]
    if there and not overwrite and not is_begun(named):
        for file in named:
            clear_beside(file)
        raise OutputError(str(there[0]), "already exists; give --overwrite to replace it, or choose another")


def check_replaced_folder(folder: Path, endings: tuple[str, ...]) -> None:
    """Check that a folder that is to be replaced as a whole has only files with these endings."""
    others = [name for name in list_whole(folder) if not name.endswith(endings)] if folder.exists() else []
    if others:
        reason = f"holds other files ({', '.join(others[:5])}), which would be lost; choose another folder"
        raise OutputError(str(folder), reason)
