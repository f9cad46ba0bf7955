"""Drawn time fields and histories, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.timestamp.encoder import TimestampEncoder, TimestampState
from domaintoolkit.schema import Part, Timestamp
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, zone_table

PARTS: tuple[Part, ...] = ("year", "month", "day", "weekday", "hour", "minute")
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour of daylight saving
    "Asia/Kathmandu",
    "America/Sao_Paulo",  # clocks changed at midnight
    "Pacific/Apia",  # skipped a day
    "Africa/Casablanca",
    "America/St_Johns",
)
NOW = 1_569_888_000_000_000


def specs(delta: bool) -> st.SearchStrategy[Timestamp]:
    """Time fields with any parts in any order."""
    parts = st.lists(st.sampled_from(PARTS), unique=True, min_size=0 if delta else 1).map(tuple)
    bins = st.sampled_from([1, 2, 3, 8, 32, 100, 4096])
    return st.builds(
        lambda parts, bins, zone: Timestamp("time", parts=parts, delta=delta, delta_bins=bins, zone=zone),
        parts, bins, st.sampled_from(ZONES),
    )  # fmt: skip


def instants(zone: str) -> st.SearchStrategy[int]:
    """Times in µs: now, anywhere in the years 1 to 9999, before 1970, and around the changes of a zone."""
    changes = [NOW, *zone_table(zone).instants.tolist()]
    return st.one_of(
        st.integers(NOW, NOW + 90 * 86_400_000_000),
        st.integers(YEARS_BEGIN, YEARS_END - 1),
        st.integers(-100 * 366 * 86_400_000_000, 0),
        st.sampled_from(changes).flatmap(lambda at: st.integers(-7_200_000_000, 7_200_000_000).map(lambda x: at + x)),
    )


STEPS = st.one_of(
    st.just(0),
    st.integers(1, 999_999),
    st.integers(1, 120).map(lambda seconds: seconds * 1_000_000),
    st.integers(0, 7_200_000_000),
    st.integers(0, 40 * 86_400_000_000),
    st.integers(0, 6 * 366 * 86_400_000_000),
    st.integers(0, 300 * 366 * 86_400_000_000),
)


@st.composite
def histories(draw: st.DrawFn, zone: str, most: int = 4) -> list[list[int]]:
    """Histories of times that rise or stand still."""
    made = []
    for _ in range(draw(st.integers(1, most))):
        times = [draw(instants(zone))]
        for step in draw(st.lists(STEPS, max_size=12)):
            if times[-1] + step < YEARS_END:
                times.append(times[-1] + step)
        made.append(times)
    return made


def flat(given: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """(times, which are first, offsets) of histories."""
    offsets = np.cumsum([0, *(len(times) for times in given)])
    times = np.array([time for history in given for time in history], np.int64)
    first = np.zeros(len(times), np.bool_)
    first[offsets[:-1]] = True
    return times, first, offsets


def fitted(spec: Timestamp, times: Sequence[int] | NDArray[np.int64]) -> TimestampEncoder:
    state = TimestampState(spec)
    state.update(column(times))
    return state.finalize()


def column(times: Sequence[int | None] | NDArray[np.int64]) -> pa.Array:
    return pa.array(times, pa.int64()).cast(pa.timestamp("us", "UTC"))


def rows(parts: Sequence[Cells], count: int) -> list[tuple[tuple[int, ...], ...]]:
    """The slots of every row, part by part."""
    return [tuple(tuple(part.sequence(int(part.codes[row])).tolist()) for part in parts) for row in range(count)]
