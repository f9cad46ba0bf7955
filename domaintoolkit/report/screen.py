"""What commands print: tables and coloured tokens on a terminal, the same as plain text in a pipe."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from domaintoolkit.errors import printable
from domaintoolkit.report.colours import COLOURS, colour_numbers
from domaintoolkit.report.history import Cell, History, ShownEvent

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["Screen", "counted"]

NUMBER = re.compile(r"[-+<]?[\d.,]*%?")
SHOWN_TOKENS = 60
"""Tokens of a cell that a line shows; the others are counted. A text can have thousands."""


def counted(count: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


class Screen:
    """Prints to `file` (standard output). `terminal` says whether somebody is looking; left out, it is asked."""

    def __init__(self, file: TextIO | None = None, terminal: bool | None = None) -> None:
        self._file = file or sys.stdout
        self.console: Console | None = None
        if self._file.isatty() if terminal is None else terminal:
            from rich.console import Console

            self.console = Console(file=self._file, highlight=False, force_terminal=terminal)

    def line(self, text: str = "") -> None:
        """One line of text."""
        text = printable(text)
        if self.console is not None:
            self.console.print(text, markup=False, soft_wrap=True)
        else:
            self._file.write(text + "\n")

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """Names and their values, one pair a line."""
        listed = [(printable(name), printable(value)) for name, value in rows]
        width = max((len(name) for name, _ in listed), default=0)
        for name, value in listed:
            if self.console is not None:
                from rich.text import Text

                self.console.print(Text.assemble((f"{name:<{width}}", "bold"), "  ", value), soft_wrap=True)
            else:
                self._file.write(f"{name:<{width}}  {value}".rstrip() + "\n")

    def table(self, head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Columns under their heads, those of numbers to the right."""
        listed = [[printable(cell) for cell in row] for row in (head, *rows)]
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
        """The events of a history, at most `limit` of them, each with its tokens below."""
        colours = colour_numbers(history.fields)
        self._tokens(history.header, colours, "")
        for event in history.events[:limit]:
            self.line(_event_line(event))
            self._tokens(event.cells, colours, "    ")
            if event.segmented is not None:
                names = [shown.name for shown in event.segmented] or ["(within the composite of an event before)"]
                self._composites(names)
        left = len(history.events) - len(history.events[:limit])
        if left:
            self.line(f"... and {counted(left, 'more event')}")

    def _composites(self, names: Sequence[str]) -> None:
        self._wrapped([(f"= {name}" if k == 0 else name, "italic") for k, name in enumerate(names)], "    ")

    def _tokens(self, cells: Sequence[Cell], colours: dict[str | None, int], indent: str) -> None:
        styled = [
            (name, "dim" if cell.special else COLOURS[colours[cell.field]].terminal)
            for cell in cells
            for name in _names(cell)
        ]
        self._wrapped(styled, indent)

    def _wrapped(self, words: Sequence[tuple[str, str]], indent: str) -> None:
        """Words with their styles; on a terminal, lines are broken between them, never within a token's name."""
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


def _names(cell: Cell) -> list[str]:
    names = [shown.name for shown in cell.tokens[:SHOWN_TOKENS]]
    left = len(cell.tokens) - len(names)
    return [*names, f"... {left:,} more"] if left else names


def _event_line(event: ShownEvent) -> str:
    parts = [f"{event.number:>3}"]
    if event.time is not None:
        parts.append(event.time.strftime("%Y-%m-%d %H:%M:%S"))
    if event.since is not None:
        parts.append(f"(+{event.since})")
    parts += [f"{name}: {value}" for name, value in event.labels.items()]
    return "  ".join(parts)
