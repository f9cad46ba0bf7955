"""Small drawn corpora for the tests of composites: a grammar, and base streams of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

from domaintoolkit.composite import Arrays
from domaintoolkit.grammar import Grammar, Place
from domaintoolkit.grammar.grammar import events_begun

BOS, SESSION, BYTES = 0, 1, (2, 3, 4)


@dataclass(frozen=True)
class Field:
    """A field of an event. `kind`: plain, deep (levels), spelled (marker and bytes) or wide (parts, and a null)."""

    name: str
    kind: str
    values: int
    parts: int = 1


class Corpus:
    """A grammar, its token names, and streams drawn from it."""

    def __init__(self, fields: list[Field], header: int) -> None:
        self.fields = fields
        self.rows: list[tuple[str, int, bool, bool, int]] = [
            ("[BOS]", Place.BOS, False, False, 1),
            ("[SESSION]", Place.SESSION, False, False, 1),
            *((f"[0x{byte:02x}]", Place.BYTE, False, False, 1) for byte in BYTES),
        ]
        self.header = [self._token(f"[country={i}]", 0, True, False) for i in range(2)] if header else []
        place, self.of_field = header, []
        for field in fields:
            self.of_field.append(self._field(field, place))
            place += field.parts
        places, start, fusible, fills = (np.array(column) for column in list(zip(*self.rows, strict=True))[1:])
        names = (*(["country"] if header else []), *(field.name for field in fields for _ in range(field.parts)))
        self.grammar = Grammar(
            header_parts=header,
            event_parts=place - header,
            part_names=names,
            place=places.astype(np.int16),
            start=start,
            fills=fills.astype(np.int16),
            fusible=fusible,
            events_in=events_begun(places, start, header),
            part_fields=names,
            bos=BOS,
            pad=-1,
            session=SESSION,
            bytes=np.array(BYTES),
        )

    @property
    def names(self) -> list[str]:
        return [row[0] for row in self.rows]

    def _token(self, name: str, place: int, start: bool, fusible: bool, fills: int = 1) -> int:
        self.rows.append((name, place, start, fusible, fills))
        return len(self.rows) - 1

    def _field(self, field: Field, place: int) -> dict[str, Any]:
        name, values = field.name, range(field.values)
        made: dict[str, Any] = {"null": self._token(f"[{name} null]", place, True, True, field.parts)}
        for part in range(field.parts):
            made[f"part{part}"] = [self._token(f"[{name} {part}={v}]", place + part, True, True) for v in values]
        if field.kind == "deep":
            made["deeper"] = [
                [self._token(f"[{name} .{level}={v}]", place, False, True) for v in values] for level in (1, 2)
            ]
        if field.kind in ("spelled", "deep"):
            made["spell"] = self._token(f"[{name} spell]", place, True, False)
        return made

    def cell(self, draw: Any, number: int) -> list[int]:
        """The tokens of one field of an event."""
        field, made = self.fields[number], self.of_field[number]
        choice = draw(st.integers(0, field.values + 1))
        if choice == field.values:
            return [made["null"]]
        if choice > field.values and field.kind in ("spelled", "deep"):
            tail = made["deeper"][0][:1] if field.kind == "deep" else []
            return [made["spell"], *draw(st.lists(st.sampled_from(BYTES), max_size=3)), *tail]
        cells = [made[f"part{part}"][draw(st.integers(0, field.values - 1))] for part in range(field.parts)]
        if field.kind == "deep":
            depth = draw(st.integers(0, 2))
            cells += [made["deeper"][level][draw(st.integers(0, field.values - 1))] for level in range(depth)]
        return cells


KINDS = ("plain", "plain", "deep", "spelled", "wide")


@st.composite
def corpora(draw: Any, kinds: tuple[str, ...] = KINDS, sessions: bool = True, most: int = 6) -> tuple[Corpus, Arrays]:
    """A corpus and base streams of it."""
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4))
    fields = [
        Field(f"f{i}", kind, draw(st.integers(1, 3)), draw(st.integers(2, 3)) if kind == "wide" else 1)
        for i, kind in enumerate(chosen)
    ]
    corpus = Corpus(fields, draw(st.integers(0, 1)))
    histories = []
    for _ in range(draw(st.integers(0, 5))):
        events = []
        for _ in range(draw(st.integers(0, most))):
            event = [token for number in range(len(fields)) for token in corpus.cell(draw, number)]
            opens = sessions and events and draw(st.integers(0, 4)) == 0
            events.append([SESSION, *event] if opens else event)
        histories.append(([BOS, *([draw(st.sampled_from(corpus.header))] if corpus.header else [])], events))
    return corpus, flatten(histories)


def flatten(histories: list[tuple[list[int], list[list[int]]]]) -> Arrays:
    """(header, events) of each history as arrays."""
    ids: list[int] = []
    offsets, starts, event_offsets = [0], [], [0]
    for header, events in histories:
        ids += header
        for event in events:
            starts.append(len(ids))
            ids += event
        offsets.append(len(ids))
        event_offsets.append(len(starts))
    kind = np.int64
    return Arrays(
        np.array(ids, np.uint16), np.array(offsets, kind), np.array(starts, kind), np.array(event_offsets, kind)
    )


def plain(histories: list[list[list[int]]], values: int) -> tuple[Corpus, Arrays]:
    """Histories of events of one value a field, from 0, each below `values`."""
    width = len(histories[0][0])
    corpus = Corpus([Field(f"f{i}", "plain", values) for i in range(width)], 0)
    tokens = [[[corpus.of_field[i]["part0"][v] for i, v in enumerate(event)] for event in h] for h in histories]
    return corpus, flatten([([BOS], events) for events in tokens])
