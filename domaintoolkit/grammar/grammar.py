"""The syntax of streams, as arrays indexed by token id."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.util.ragged import offsets_of

__all__ = ["ANCHOR", "FieldParts", "Grammar", "Syntax", "events_begun"]

Ints = NDArray[np.integer[Any]]

ANCHOR = "anchor"
"""The anchor's name among the fields of the header."""


@dataclass(frozen=True, slots=True)
class FieldParts:
    """One field of the header or of an event (None is the anchor): how many parts, and their names if they have any."""

    field: str | None
    parts: int = 1
    names: tuple[str, ...] = ()

    def titles(self) -> list[str]:
        """`brand` for the only part of a field, otherwise `event_time.weekday`, or `event_time.0` without names."""
        head = ANCHOR if self.field is None else self.field
        if self.parts == 1 and not self.names:
            return [head]
        names = self.names or tuple(map(str, range(self.parts)))
        return [f"{head}.{name}" for name in names]


@dataclass(frozen=True, slots=True, eq=False)
class Syntax:
    """The syntax of streams of V tokens. A model stores it, and so reads streams without a tokenizer.

    stream   = [BOS] header event*
    header   = one sequence in each header part
    event    = [SESSION]? one sequence in each event part
    sequence = one start token of the part, then continuation tokens of that part and bytes; after a token that
               fills several parts, the sequences of the others are empty

    Composites replace tokens of event parts; `composite.Segmenter.expand` puts these back before a stream is parsed.
    """

    header_parts: int
    event_parts: int
    part_names: tuple[str, ...]
    """Names of the parts in the order of their places: header parts, then event parts."""
    place: NDArray[np.int16]
    """(V,) the part of each token, header parts first, then event parts; or a `Place`."""
    start: NDArray[np.bool_]
    """(V,) True if the token begins its part."""
    fills: NDArray[np.int16]
    """(V,) how many parts a start token fills: 1, or all of its field's if it stands for the whole field; else 0."""
    fusible: NDArray[np.bool_]
    """(V,) True if the token may stand for a value by itself; composites hold such tokens of event parts."""
    events_in: NDArray[np.int32]
    """(V,) how many events begin within the token: 1 if it begins the first event part, more for some composites."""

    @property
    def parts(self) -> int:
        """Header parts and event parts together."""
        return self.header_parts + self.event_parts

    def with_composites(self, ids: Ints, tokens: Ints, offsets: Ints) -> Syntax:
        """The same syntax, in which composite `ids[i]` counts the events that begin in its base tokens.

        These are `tokens[offsets[i]:offsets[i + 1]]`.
        """
        events = self.events_in.copy()
        # (tokens + 1,) a running sum: that of any range is one difference
        running = offsets_of(self.events_in[tokens])
        events[ids] = running[offsets[1:]] - running[offsets[:-1]]
        return replace(self, events_in=events)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Grammar(Syntax):
    """The syntax of a vocabulary, with the fields that its parts belong to."""

    part_fields: tuple[str | None, ...]
    """The field of each part; None is the anchor."""
    bos: int
    pad: int
    session: int
    bytes: NDArray[np.int64]
    """(256,) the id of each byte."""

    def __repr__(self) -> str:
        return f"<Grammar of {len(self.place):,} tokens: {', '.join(self.part_names)}>"


def events_begun(place: NDArray[np.int16], start: NDArray[np.bool_], header_parts: int) -> NDArray[np.int32]:
    """(V,) 1 for each base token that begins the first part of an event, else 0."""
    # event parts follow the header parts, so the first of them has the place `header_parts`
    return np.asarray(start & (place == header_parts), np.int32)
