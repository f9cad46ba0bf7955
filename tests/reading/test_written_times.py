"""Times are written as their column reads them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from domaintoolkit.reading.written_times import split_times, write_times
from domaintoolkit.schema import Column
from domaintoolkit.times.time_form import time_form
from domaintoolkit.values.instants.column_instants import to_microseconds

TIMES = pa.array([dt.datetime(2024, 3, 1, 9, 5), dt.datetime(2024, 12, 24, 23, 0), None], pa.timestamp("us", "UTC"))


def test_a_format_without_zeros_is_written_in_the_zone_of_the_column() -> None:
    column = Column("at", type="timestamp", time_format="%-d.%-m.%Y %H:%M", zone="Europe/Berlin")
    assert write_times(TIMES, column).to_pylist() == ["1.3.2024 10:05", "25.12.2024 00:00", None]


@pytest.mark.parametrize("form", ["%Y-%m-%d %H:%M:%S", "%-d.%-m.%Y %H:%M:%S.%f", "%b %e %Y, %I:%M:%S %p", "%G-W%V-%u"])
def test_a_year_before_1000_is_written_as_the_column_reads_it(form: str) -> None:
    days = [dt.datetime(7, 2, 3), dt.datetime(987, 12, 31), dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)]
    times = pa.array(days, pa.timestamp("us", "UTC"))
    column = Column("at", type="timestamp", time_format=form)
    written = write_times(times, column)
    assert "0007" in written[0].as_py()
    assert to_microseconds(written, column.zone, column.time_form).values.equals(times)


def test_a_joined_time_is_split_into_its_columns() -> None:
    column = Column("at", type="timestamp", time_join=("Day", "Time"), time_format="%d-%b-%Y %I:%M %p")
    split = {name: values.to_pylist() for name, values in split_times(TIMES, column).items()}
    assert split == {"Day": ["01-Mar-2024", "24-Dec-2024", None], "Time": ["09:05 AM", "11:00 PM", None]}
    plain = split_times(TIMES, Column("at", type="timestamp", time_join=("Day", "Time")))
    assert plain["Time"].to_pylist() == ["09:05:00.000000", "23:00:00.000000", None]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"time_unit": "ms"}, ["1709283900000", "1735081200000", None]),
        ({"time_unit": "d"}, ["19783.378472222223", "20081.958333333332", None]),
        ({"time_unit": "s", "time_origin": "2024-03-01T10:00", "zone": "Europe/Berlin"}, ["300", "25797600", None]),
    ],
)
def test_a_count_is_written_in_its_unit(settings: dict[str, Any], expected: list[str | None]) -> None:
    column = Column("at", type="timestamp", **settings)
    assert write_times(TIMES, column).to_pylist() == expected
    read = to_microseconds(pa.array(expected), column.zone, time_form(None, column.time_unit, column.time_origin, None))
    assert read.values.cast(TIMES.type).equals(TIMES)
