from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from drawn_times import ZONES
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.times.zones import ZoneTable, zone_table

EPOCH = datetime(1970, 1, 1)
MOMENTS = st.one_of(
    st.datetimes(datetime(1800, 1, 2), datetime(2099, 12, 30)),
    st.datetimes(datetime(2018, 1, 1), datetime(2020, 1, 1)),
)


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@given(st.sampled_from(ZONES), MOMENTS)
def test_local_time_is_that_of_zoneinfo(zone: str, moment: datetime) -> None:
    local = moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    table, time = zone_table(zone), microseconds(moment)
    assert table.local(np.array([time])).tolist() == [microseconds(local)]
    offset, start, end = table.segment(time)
    assert (time + offset, start <= time < end) == (microseconds(local), True)


@given(st.sampled_from(ZONES), MOMENTS, st.integers(-7_200, 7_200), st.data())
def test_wall_time_is_read_as_zoneinfo_reads_it(zone: str, moment: datetime, shift: int, data: st.DataObject) -> None:
    """Around the changes too, where a wall time occurs twice or not at all."""
    table = zone_table(zone)
    if len(table.instants) and data.draw(st.booleans()):
        change = data.draw(st.sampled_from(table.instants.tolist()))
        moment = EPOCH + timedelta(microseconds=change) + timedelta(seconds=shift)
        moment += moment.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)).utcoffset() or timedelta()
    expected = microseconds(moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None))
    assert table.instant_of(microseconds(moment)) == expected
    assert table.instant(np.array([microseconds(moment)])).tolist() == [expected]


@given(st.sampled_from(ZONES), st.lists(st.integers(-(6 * 10**16), 2 * 10**17), max_size=40))
def test_many_times_are_converted_as_one(zone: str, times: list[int]) -> None:
    table = zone_table(zone)
    array = np.array(times, np.int64)
    assert table.local(array).tolist() == [time + table.segment(time)[0] for time in times]
    assert table.instant(array).tolist() == [table.instant_of(time) for time in times]


@pytest.mark.parametrize("zone", ZONES)
def test_tables_are_saved_as_plain_data(zone: str) -> None:
    table = zone_table(zone)
    again = ZoneTable.from_json(json.loads(json.dumps(table.to_json())))
    assert again.name == zone
    assert again.instants.tolist() == table.instants.tolist()
    assert again.offsets.tolist() == table.offsets.tolist()


@pytest.mark.parametrize(
    "data",
    [{}, {"name": "X", "transitions": [1], "offsets": [0]}, {"name": "X", "transitions": [2, 1], "offsets": [0, 1, 2]}],
)
def test_what_is_no_table_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a table of transitions"):
        ZoneTable.from_json(data)


def test_behind_the_last_transition_the_offset_stays() -> None:
    table = zone_table("Europe/Berlin")
    assert table.segment(2**61)[0] == table.segment(microseconds(datetime(2200, 1, 1)))[0] == 3_600_000_000
