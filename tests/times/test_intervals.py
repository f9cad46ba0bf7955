from __future__ import annotations

from itertools import pairwise

import numpy as np
from drawn_times import ZONES, instants
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.times.calendar import DAY, HOUR, MINUTE, civil
from domaintoolkit.times.intervals import ANY, Moment, matching
from domaintoolkit.times.zones import ZoneTable, zone_table


def parts_of(zone: ZoneTable, time: int) -> Moment:
    local = time + zone.segment(time)[0]
    day = local // DAY
    return Moment(*civil(day), (day + 3) % 7, local % DAY // HOUR, local % HOUR // MINUTE)


def agrees(zone: ZoneTable, moment: Moment, time: int) -> bool:
    return all(wanted in (ANY, found) for wanted, found in zip(moment, parts_of(zone, time), strict=True))


@given(st.data())
def test_intervals_hold_exactly_the_times_that_agree(data: st.DataObject) -> None:
    zone = zone_table(data.draw(st.sampled_from(ZONES)))
    start = data.draw(instants(zone.name))
    stop = start + data.draw(st.sampled_from([1, HOUR, 3 * DAY, 20 * DAY, 800 * DAY]))
    near = parts_of(zone, data.draw(st.integers(start, stop - 1)))
    kept = data.draw(st.tuples(*[st.booleans()] * 6))
    moment = Moment(*(value if keep else ANY for value, keep in zip(near, kept, strict=True)))
    found = []
    for interval in matching(zone, moment, start, stop):
        found.append(interval)
        if len(found) == 2_000:
            stop = interval[1]
            break
    assert all(low < high for low, high in found)
    assert all(before[1] <= behind[0] for before, behind in pairwise(found))
    seeds = np.random.default_rng(0).integers(start, stop, 50).tolist()
    edges = [edge + shift for interval in found[:50] for edge in interval for shift in (-1, 0)]
    for time in {start, stop - 1, *seeds, *edges}:
        if start <= time < stop:
            assert any(low <= time < high for low, high in found) == agrees(zone, moment, time)


def test_what_cannot_be_has_no_times() -> None:
    zone = zone_table("UTC")
    assert list(matching(zone, Moment(month=2, day=30), -(10**17), 10**17)) == []
    assert list(matching(zone, Moment(year=1969), 0, 10**17)) == []
    assert list(matching(zone, Moment(year=2019, month=2, day=29), 0, 10**17)) == []
