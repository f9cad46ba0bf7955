"""The instants of the next event: at the same instant or later if that is asked for once, and within reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

import domaintoolkit as dt
from domaintoolkit.generate.constraints.canonical_histories import CanonicalHistories
from domaintoolkit.generate.constraints.possible_times import Feasible, TimeField
from domaintoolkit.times.calendar import DAY

START = 1_710_460_800_000_000
"""Friday, 15 March 2024."""


def made(
    *parts: Literal["year", "month", "day", "weekday"], delta: bool = True
) -> tuple[TimeField, list[str], NDArray[np.int16]]:
    """The time field of a tokenizer that was fitted on some weeks of daily events, and the names of its tokens."""
    schema = dt.Schema(entity="user", time="at", fields=[dt.Timestamp("at", parts=parts, delta=delta)])
    rows = {"user": [1] * 40, "at": [(START + day * DAY) // 1_000_000 for day in (*range(20), *range(20))]}
    tokenizer = dt.DomainTokenizer(replace(schema, time_unit="s")).fit(rows)
    field = CanonicalHistories(tokenizer).time_field
    assert field is not None
    names = [token.key.partition(":")[2] for token in tokenizer.vocabulary]
    return field, names, tokenizer.grammar.place


def allowed(made: tuple[TimeField, list[str], NDArray[np.int16]], feasible: Feasible, part: int) -> list[str]:
    field, names, places = made
    place = field.first_place + part
    starts = np.flatnonzero((places == place) & (field.values >= 0))
    return [names[token] for token in feasible.filter_tokens(place, starts)]


@pytest.mark.parametrize(("following", "weekdays", "ties"), [("tied", {"Fri"}, True), ("later", None, False)])
def test_the_next_event_alone_is_tied_or_later(
    following: Literal["tied", "later"], weekdays: set[str] | None, ties: bool
) -> None:
    field, *_ = shop = made("weekday")
    now = Feasible(field, ((START, START + 1),), first=False, known=((START, START + 1),), following=following)
    found = now.next_event()
    if weekdays is not None:
        assert set(allowed(shop, found, 1)) == weekdays
    deltas = allowed(shop, found, 0)
    assert ("0" in deltas) == ties
    assert (deltas == ["0"]) == ties
    after = replace(found, known=((START, START + 1),)).next_event()
    assert {"0"} < set(allowed(shop, after, 0))


def test_calendar_parts_that_only_a_far_year_has_together_are_not_drawn() -> None:
    field, names, places = shop = made("month", "day", "weekday", delta=False)
    now = Feasible(field, ((START, START + 1),), first=False, known=((START, START + 1),)).next_event()
    for month, day in (("2", "28"), ("3", "15"), ("12", "31")):
        drawn = now
        for part, name in enumerate((month, day)):
            place = field.first_place + part
            token = next(t for t in np.flatnonzero(places == place) if names[t] == name and field.values[t] >= 0)
            drawn = drawn.push(int(token), place)
        assert len(allowed(shop, drawn, 2)) == (1 if (month, day) != ("3", "15") else 2)


def test_the_time_since_the_event_before_leaves_only_its_calendar_parts() -> None:
    """The delta comes first: an event at the same instant is on the same weekday."""
    field, names, places = shop = made("weekday")
    now = Feasible(field, ((START, START + 1),), first=False, known=((START, START + 1),)).next_event()
    for delta, weekdays in (("0", {"Fri"}), ("1d..2d", {"Sat"}), ("2d..3d", {"Sun"})):
        (token,) = (at for at in np.flatnonzero(places == field.first_place) if names[at] == delta)
        assert set(allowed(shop, now.push(int(token), field.first_place), 1)) == weekdays
