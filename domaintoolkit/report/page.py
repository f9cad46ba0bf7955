"""A history as a self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from string import Template
from typing import Any

from domaintoolkit.report.colours import COLOURS, colour_numbers
from domaintoolkit.report.history import Cell, History, ShownEvent, ShownToken

__all__ = ["history_page"]

VALUES = "Under the tokens of a field stands the value that they decode to."
CAPTION = f"{VALUES} When an event was, exactly, stands beside it."


def history_page(history: History, vocabulary_size: int) -> str:
    """A page that shows every event with the tokens of its fields and the values that they decode to.

    It needs no other file and no network, and follows the reader's light or dark setting.
    """
    colours = colour_numbers(history.fields)
    template = Template(files("domaintoolkit.report").joinpath("history.html").read_text(encoding="utf-8"))
    title = ", ".join(f"{name} {value}" for name, value in history.entity.items())
    return template.substitute(
        title=escape(title),
        facts="".join(_fact(name, text) for name, text in _facts(history, vocabulary_size)),
        legend="".join(_legend(name, colours) for name in history.fields),
        caption=escape(CAPTION if any(event.time for event in history.events) else VALUES),
        header=_cells(history.header, colours),
        events="\n".join(_event(event, colours) for event in history.events),
        palette="\n".join(f".f{number} {{ --hue: {colour.hue}; }}" for number, colour in enumerate(COLOURS)),
    )  # fmt: skip


def _fact(name: str, text: str) -> str:
    return f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>"


def _facts(history: History, vocabulary_size: int) -> Iterable[tuple[str, str]]:
    if history.split is not None:
        yield "split", history.split
    yield "events", f"{len(history.events):,}"
    yield "tokens", f"{history.tokens:,}"
    if history.events:
        yield "tokens an event", f"{history.tokens / len(history.events):.2f}"
    yield "vocabulary", f"{vocabulary_size:,} tokens"


def _legend(name: str | None, colours: dict[str | None, int]) -> str:
    return f'<span class="chip f{colours[name]}">{escape(_field(name))}</span>'


def _field(name: str | None) -> str:
    return "anchor: the date of the first event" if name is None else name


def _event(event: ShownEvent, colours: dict[str | None, int]) -> str:
    session = '<div class="session">session</div>' if event.starts_session else ""
    time = "" if event.time is None else f"<time>{event.time:%Y-%m-%d %H:%M:%S}</time>"
    since = "" if event.since is None else f'<span class="since">+{event.since}</span>'
    labels = "".join(f'<span class="label">{escape(f"{k}: {v}")}</span>' for k, v in event.labels.items())
    return (
        f'{session}<article><div class="when"><b>{event.number}</b>{time}{since}{labels}</div>'
        f'<div><div class="cells">{_cells(event.cells, colours)}</div>{_segmented(event)}</div></article>'
    )


def _segmented(event: ShownEvent) -> str:
    if event.segmented is None:
        return ""
    chips = "".join(
        f'<span class="joined" title="id {shown.id}">{escape(shown.name)}</span>' for shown in event.segmented
    )
    shown = chips or "<i>within the composite of an event before</i>"
    return f'<div class="segmented"><span>=</span><div class="tokens">{shown}</div></div>'


def _cells(cells: Iterable[Cell], colours: dict[str | None, int]) -> str:
    return "".join(_cell(cell, colours) for cell in cells)


def _cell(cell: Cell, colours: dict[str | None, int]) -> str:
    chips = "".join(_token(shown) for shown in cell.tokens)
    if cell.special:
        return chips
    value = "" if cell.field is None else f'<span class="value">{_value(cell.value)}</span>'
    return f'<div class="cell f{colours[cell.field]}"><div class="tokens">{chips}</div>{value}</div>'


def _token(shown: ShownToken) -> str:
    kind = shown.token.kind
    return f'<span class="chip {kind}" title="id {shown.id}, {kind}">{escape(shown.name)}</span>'


def _value(value: Any) -> str:
    if value is None:
        return "<i>null</i>"
    return escape(f"{value:.6g}" if isinstance(value, float) else str(value)) or "<i>empty</i>"
