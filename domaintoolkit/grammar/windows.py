"""The start of a window: what it repeats of its history, and what it changes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar.grammar import Grammar
from domaintoolkit.grammar.places import Place

__all__ = ["WindowStart"]


class WindowStart(NamedTuple):
    """The beginning of a window that begins later than its history.

    It repeats [BOS] and the static fields. The anchor is that of its own first event, which has no session token, and
    no time since the event before. A NamedTuple, so that compiled loops take it.
    """

    place: NDArray[np.int16]
    """(V,) of the grammar."""
    session: int
    """The id of [SESSION]."""
    anchor_place: int
    """The place of the anchor's first part; without an anchor `Place.OTHER`, which no token of a stream has."""
    delta_place: int
    """The place of the time since the event before; without one `Place.OTHER`."""
    no_delta: int
    """The id of the token for no event before; -1 without one."""

    @classmethod
    def of(cls, grammar: Grammar, no_delta: int | None) -> WindowStart:
        """`no_delta` is the id of the token for no event before, None if events have no such part."""
        fields = grammar.part_fields[: grammar.header_parts]
        return cls(
            place=grammar.place,
            session=grammar.session,
            # the anchor's field is None; the place of a part is its position in `part_fields`
            anchor_place=fields.index(None) if None in fields else int(Place.OTHER),
            delta_place=int(Place.OTHER) if no_delta is None else int(grammar.place[no_delta]),
            no_delta=-1 if no_delta is None else no_delta,
        )
