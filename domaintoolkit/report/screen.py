"""The output of commands: tables and coloured tokens on a terminal, plain text in a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from domaintoolkit.display import COLOURS, colour_numbers
from domaintoolkit.errors import pluralize, printable
from domaintoolkit.report.history import Cell, History, ShownEvent

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "percent"]

NUMBER = re.compile(r"[-+<]?[\d.,]*%?")
SHOWN_TOKENS = 60
"""Tokens of a cell that are shown; the rest are counted. A text can have thousands."""


def percent(number: int, of: int) -> str:
    """A share as text: `0.03%`, `56.2%`, or `-` if it is zero."""
    if not number or not of:
        return "-"
    share = 100 * number / of
    return f"{share:.1f}%" if share >= 0.1 else f"{share:.2g}%" if share >= 0.01 else "<0.01%"


class Screen:
    """Prints to `file`, by default standard output, in colour if it is a terminal (or if `terminal` says so)."""

    def __init__(self, file: TextIO | None = None, terminal: bool | None = None) -> None:
        self._file = file or sys.stdout
        self.console: Console | None = None
        if self._file.isatty() if terminal is None else terminal:
            from rich.console import Console

            self.console = Console(file=self._file, highlight=False, force_terminal=terminal)

    def line(self, text: str = "") -> None:
        """Print one line of text."""
        text = printable(text)
        if self.console is not None:
            self.console.print(text, markup=False, soft_wrap=True)
        else:
            self._file.write(text + "\n")

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Print names and their values, one pair per line."""
        listed = [(printable(name), printable(value)) for name, value in rows]
        width = max((len(name) for name, _ in listed), default=0)
        for name, value in listed:
            if self.console is not None:
                from rich.text import Text

                self.console.print(Text.assemble((f"{name:<{width}}", "bold"), "  ", value), soft_wrap=True)
            else:
                self._file.write(f"{name:<{width}}  {value}".rstrip() + "\n")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print a table. Columns of numbers are aligned to the right."""
        listed = [[printable(cell) for cell in row] for row in (head, *rows)]
        # (columns,) True if every cell below the head is a number
        numbers = [all(NUMBER.fullmatch(row[k]) for row in listed[1:]) for k in range(len(head))]
        if self.console is not None:
            from rich.table import Table

            table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
            for name, number in zip(listed[0], numbers, strict=True):
                table.add_column(name, justify="right" if number else "left", overflow="fold")
            for row in listed[1:]:
                table.add_row(*row)
            self.console.print(table, markup=False)
            return
        widths = [max(len(row[k]) for row in listed) for k in range(len(head))]
        for row in listed:
            cells = [f"{cell:{'>' if k else '<'}{width}}" for cell, k, width in zip(row, numbers, widths, strict=True)]
            self._file.write("  ".join(cells).rstrip() + "\n")

    def history(self, history: History, limit: int | None = None) -> None:
        """Print a history, at most `limit` events, each with its tokens below."""
        colours = colour_numbers(history.fields)
        self._print_tokens(history.header, colours, "")
        for event in history.events[:limit]:
            self.line(_format_event(event))
            self._print_tokens(event.cells, colours, "    ")
            if event.segmented is not None:
                names = [shown.name for shown in event.segmented] or ["(inside a composite of an earlier event)"]
                self._print_composites(names)
        left = len(history.events) - len(history.events[:limit]) + history.left_out
        if left:
            self.line(f"... and {pluralize(left, 'more event')}")

    def _print_composites(self, names: Sequence[str]) -> None:
        self._print_words([(f"= {name}" if k == 0 else name, "italic") for k, name in enumerate(names)], "    ")

    def _print_tokens(self, cells: Sequence[Cell], colours: dict[str | None, int], indent: str) -> None:
        styled = [
            (name, "dim" if cell.is_special else COLOURS[colours[cell.field]].terminal)
            for cell in cells
            for name in _token_names(cell)
        ]
        self._print_words(styled, indent)

    def _print_words(self, words: Sequence[tuple[str, str]], indent: str) -> None:
        """Print styled words. On a terminal, lines are broken between words, never inside a token's name."""
        if self.console is None:
            self._file.write(indent + " ".join(word for word, _ in words) + "\n")
            return
        from rich.text import Text

        line, room = Text(indent), self.console.width
        for word, style in words:
            if len(line) > len(indent) and line.cell_len + len(word) > room:
                self.console.print(line, soft_wrap=True)
                line = Text(indent)
            line.append(word, style)
            line.append(" ")
        self.console.print(line, soft_wrap=True)


def _token_names(cell: Cell) -> list[str]:
    names = [shown.name for shown in cell.tokens[:SHOWN_TOKENS]]
    left = len(cell.tokens) - len(names)
    return [*names, f"... {left:,} more"] if left else names


def _format_event(event: ShownEvent) -> str:
    parts = [f"{event.number:>3}"]
    if event.time is not None:
        parts.append(event.clock)
    if event.since is not None:
        parts.append(f"(+{event.since})")
    parts += [f"{name}: {value}" for name, value in event.labels.items()]
    return "  ".join(parts)
