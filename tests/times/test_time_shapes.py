"""The formats of times are found from their shapes."""

from __future__ import annotations

import pytest

from domaintoolkit.times.time_shapes import find_clock_format, find_time_formats


@pytest.mark.parametrize(
    ("values", "formats"),
    [
        (["11/1/2000", "11/30/2000"], ["%-m/%-d/%Y"]),
        (["12/1/2010 8:26", "12/9/2011 12:50"], ["%-d/%-m/%Y %-H:%M", "%-m/%-d/%Y %-H:%M"]),
        (["01.03.2024 09:15", "13.03.2024 23:59"], ["%d.%m.%Y %H:%M"]),
        (["01-Oct-2019 10:00:00", "13-Oct-2019 10:00:00"], ["%d-%b-%Y %H:%M:%S"]),
        (["20191001103000"], ["%Y%m%d%H%M%S"]),
        (["10/Oct/2000:13:55:36 -0700"], ["%d/%b/%Y:%H:%M:%S %z"]),
        (["October 3, 2019"], ["%B %-d, %Y"]),
        (["Sat, 3 Mar 2018 09:15:00 +0100"], ["%a, %-d %b %Y %H:%M:%S %z"]),
        (["07/01/2013 12:00:00 AM", "07/31/2013 12:00:00 AM"], ["%m/%d/%Y %I:%M:%S %p"]),
        (["1:27.452"], []),
        (["32/13/2024"], []),
        (["A-12-2024"], []),
    ],
)
def test_all_formats_that_read_the_values_are_found(values: list[str], formats: list[str]) -> None:
    assert find_time_formats(values) == formats


def test_times_of_day_have_a_format_too() -> None:
    assert find_clock_format(["09:15", "23:59"]) == "%H:%M"
    assert find_clock_format(["9:15 PM", "11:59 AM"]) == "%-I:%M %p"
    assert find_clock_format(["25:00"]) is None
