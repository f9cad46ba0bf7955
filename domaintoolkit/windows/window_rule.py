"""How windows of a tokenizer's streams begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.windows.packing import WindowRule

__all__ = ["window_rule"]

DAY = 86_400_000_000
Longs = NDArray[np.int64]


def window_rule(vocabulary: Any, grammar: Any, time: str | None) -> WindowRule:
    """The rule for streams of a vocabulary; `time` is the schema's time column."""
    place = np.asarray(grammar.place)
    if time is None:
        return WindowRule(place, grammar.session)
    delta = [number for number, token in enumerate(vocabulary) if token.identity == ("field", time, "delta:none")]
    anchors = {token.key: number for number, token in enumerate(vocabulary) if token.kind == "anchor"}
    return WindowRule(
        place=place,
        session=grammar.session,
        delta_part=int(place[delta[0]]) if delta else -9,
        delta_none=delta[0] if delta else -9,
        anchor_place=int(place[anchors["month:1"]]) - 1,
        anchor=_anchor(anchors, grammar.bytes.tolist()),
    )


def _anchor(tokens: dict[str, int], bytes_: list[int]) -> Callable[[Longs], tuple[Longs, Longs]]:
    """A function from times to their anchors, which remembers the dates that it has met."""
    known: dict[int, list[int]] = {}

    def of(day: int) -> list[int]:
        if day not in known:
            year, month, rest = str(np.datetime64(day, "D")).split("-")
            number = int(year)
            spelled = [tokens["spell:year"], *(bytes_[byte] for byte in str(number).encode())]
            head = [tokens[f"year:{number}"]] if f"year:{number}" in tokens else spelled
            known[day] = [*head, tokens[f"month:{int(month)}"], tokens[f"day:{int(rest)}"]]
        return known[day]

    def anchors(times: Longs) -> tuple[Longs, Longs]:
        days = [of(day) for day in (times // DAY).tolist()]
        offsets = np.cumsum([0, *map(len, days)], dtype=np.int64)
        return np.array([number for day in days for number in day], np.int64), offsets

    return anchors
