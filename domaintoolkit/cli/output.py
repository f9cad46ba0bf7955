"""What the commands that make something have in common: the folder to write, and words of the summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from domaintoolkit.errors import OutputError

if TYPE_CHECKING:
    from domaintoolkit.report import Screen

__all__ = ["free_folder", "percent", "show_notes"]


def free_folder(folder: Path, ours: str, overwrite: bool, hint: str) -> None:
    """Make sure that `folder` may be written to before any work is done.

    It may be missing or empty, or, to be overwritten, hold `ours`. Raises `OutputError` for anything else.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise OutputError(str(folder), "is a file, not a folder; choose another")
    found = sorted(entry.name for entry in folder.iterdir())
    if found and ours in found and not overwrite:
        raise OutputError(str(folder), hint)
    if found and ours not in found:
        listed = ", ".join(found[:5]) + (", ..." if len(found) > 5 else "")
        raise OutputError(str(folder), f"already holds something else ({listed}); choose an empty or new folder")


def percent(number: int, of: int) -> str:
    """A share for people: `0.03%`, `56.2%`; nothing at all is `-`."""
    if not number or not of:
        return "-"
    share = 100 * number / of
    return f"{share:.1f}%" if share >= 0.1 else f"{share:.2g}%" if share >= 0.01 else "<0.01%"


def show_notes(screen: Screen, notes: list[Any]) -> None:
    """Remarks at the end of a summary."""
    for note in notes:
        screen.line(f"note: {note}")
