from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.timestamp.time_grain import TimeGrain
from domaintoolkit.times.calendar import DAY, HOUR, MINUTE
from domaintoolkit.times.zones import MICROSECOND, zone_table


def grain_of(times: list[int], zone: str = "UTC") -> TimeGrain:
    grain = TimeGrain()
    grain.add(np.array(times, np.int64), zone_table(zone))
    return grain


STEPS = st.lists(st.integers(0, 40))


@given(STEPS, STEPS, st.sampled_from([DAY, HOUR, MINUTE, MICROSECOND, 1000]))
def test_grains_merge_exactly(first: list[int], second: list[int], unit: int) -> None:
    one, two = grain_of([time * unit for time in first]), grain_of([time * DAY for time in second])
    whole = grain_of([*(time * unit for time in first), *(time * DAY for time in second)])
    one.merge(two)
    assert one.dump() == whole.dump()


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata"])
def test_days_of_any_zone_are_days(zone: str) -> None:
    local = np.arange(0, 400) * DAY
    assert grain_of(zone_table(zone).instant(local).tolist(), zone).unit == DAY
    assert grain_of([*zone_table(zone).instant(local).tolist(), 1], zone).unit == MICROSECOND
