from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from drawn_times import ZONES
from hypothesis import assume, given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.times.time_form import TimeForm, Unit
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, zone_table
from domaintoolkit.values.instants.column_instants import from_microseconds, to_microseconds
from domaintoolkit.values.instants.single_instants import to_microsecond

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BERLIN = "Europe/Berlin"
SECONDS = TimeForm("s")
NO_UNIT = 'numbers are times only with a unit: set time_unit, such as time_unit = "s"'


def counts(values: pa.Array, zone: str = "UTC", unit: Unit | None = None) -> list[int | None]:
    prepared = to_microseconds(values, zone, TimeForm(unit))
    assert not prepared.refused
    assert prepared.values.type == pa.timestamp("us", "UTC")
    result: list[int | None] = prepared.values.cast(pa.int64()).to_pylist()
    return result


def reasons(values: pa.Array, unit: Unit | None = None) -> list[tuple[int, str]]:
    prepared = to_microseconds(values, "UTC", TimeForm(unit))
    assert len(prepared.values) == len(values)
    assert all(not prepared.values[row].is_valid for row, _ in prepared.refused)
    return prepared.refused


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
NEAR = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31))


@given(st.lists(st.tuples(NEAR, st.none() | OFFSETS)), st.sampled_from(ZONES), st.sampled_from("T "))
def test_text_is_read_as_python_reads_it(
    given_times: list[tuple[datetime, timezone | None]], zone: str, mark: str
) -> None:
    moments = [moment.replace(tzinfo=offset) for moment, offset in given_times]
    texts = [moment.isoformat(mark) for moment in moments]
    table = zone_table(zone)
    for moment in moments:
        assume(moment.tzinfo is not None or not table.skips(microseconds(moment.replace(tzinfo=UTC))))
    # Not Python's zoneinfo for times that name no zone: it goes on where our table ends.
    wall = table.instant_of
    expected = [
        microseconds(moment) if moment.tzinfo else wall(microseconds(moment.replace(tzinfo=UTC))) for moment in moments
    ]
    assert counts(pa.array(texts, pa.string()), zone) == expected
    assert [to_microsecond(text, zone) for text in texts] == expected
    assert [to_microsecond(moment, zone) for moment in moments] == expected


TEXTS = st.one_of(
    st.from_regex(r"\A[0-9]{4}-[0-1][0-9]-[0-3][0-9]([ T][0-2][0-9](:[0-6][0-9](:[0-6][0-9](\.[0-9]{1,8})?)?)?"
                  r"(Z| UTC|[+-][0-9]{2}(:?[0-9]{2})?)?)?\Z"),
    st.text(max_size=12),
)  # fmt: skip


def test_one_bad_text_among_many() -> None:
    texts = [f"2019-10-01 00:{number // 60 % 60:02}:{number % 60:02}" for number in range(20_000)]
    texts[12_345] = "soon"
    prepared = to_microseconds(pa.array(texts), "UTC")
    assert prepared.refused == [(12_345, "expected a time in ISO 8601, got 'soon'")]
    assert prepared.values[12_346].value == 1_569_888_000_000_000 + 12_346 % 3_600 * 1_000_000


@pytest.mark.slow
@given(st.lists(TEXTS, max_size=6), st.sampled_from(ZONES))
def test_each_text_is_read_by_itself(texts: list[str], zone: str) -> None:
    """Whatever stands beside it in its column, and also alone."""
    together = to_microseconds(pa.array(texts, pa.string()), zone)
    refused = dict(together.refused)
    for row, text in enumerate(texts):
        alone = to_microseconds(pa.array([text]), zone)
        assert alone.values[0].value == together.values[row].value
        assert [reason for _, reason in alone.refused] == ([refused[row]] if row in refused else [])
        if row in refused:
            with pytest.raises(DataError) as raised:
                to_microsecond(text, zone)
            assert raised.value.refusals[0].reason == refused[row]
        else:
            assert to_microsecond(text, zone) == together.values[row].value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-10-01 00:00:00 UTC", 1_569_888_000_000_000),
        ("2019-10-01T00:00:00Z", 1_569_888_000_000_000),
        ("2019-10-01T02:00:00+02:00", 1_569_888_000_000_000),
        ("2019-10-01", 1_569_880_800_000_000),
        ("2019-10-01 02:00:00.1234560", 1_569_888_000_123_456),
        ("1969-12-31T23:59:59.9999990Z", -1),
        ("2019-10-27 02:30:00", 1_572_136_200_000_000),  # twice: the first
    ],
)
def test_forms_of_text(text: str, expected: int) -> None:
    assert counts(pa.array([text]), BERLIN) == counts(pa.array([text, None]), BERLIN)[:1] == [expected]
    assert to_microsecond(text, BERLIN) == expected


def test_reasons() -> None:
    texts = pa.array(["xyz", "2019-02-29", None, "0000-01-01", "2019-10-01 00:00:00", "9999-12-31T23:59:59-01:00"])
    assert reasons(texts) == [
        (0, "expected a time in ISO 8601, got 'xyz'"),
        (1, "'2019-02-29' is not a day of the calendar"),
        (3, "'0000-01-01' is outside the years 1 to 9999"),
        (5, "'9999-12-31T23:59:59-01:00' is outside the years 1 to 9999"),
    ]
    assert reasons(pa.array([True, None])) == [(0, "values of type bool cannot be read as times")]
    assert reasons(pa.array([5])) == [(0, NO_UNIT)]
    assert reasons(pa.array([1.5, 1e-7, float("nan")]), "s") == [
        (1, '1e-07 (s since 1970) is finer than a microsecond; finer_times = "cut" cuts it')
    ]
    assert [row for row, _ in reasons(pa.array([2**62, -(2**62), 0, None]), "s")] == [0, 1]
    assert [row for row, _ in reasons(pa.array([2**64 - 1, 1], pa.uint64()), "us")] == [0]
    assert [row for row, _ in reasons(pa.array([2**62], pa.timestamp("s")))] == [0]


@given(st.lists(st.none() | st.integers(YEARS_BEGIN, YEARS_END - 1)), st.sampled_from(["s", "ms", "us", "ns"]))
def test_numbers_and_timestamps_count_units(times: list[int | None], unit: Unit) -> None:
    factor = {"s": 1_000_000, "ms": 1_000, "us": 1}.get(unit)
    if factor is None:
        numbers = [None if time is None or abs(time) > 2**62 // 1000 else time * 1000 for time in times]
        expected = [None if number is None else number // 1000 for number in numbers]
    else:
        numbers = [None if time is None else -(-time // factor) for time in times]
        numbers = [None if n is None or n * factor >= YEARS_END else n for n in numbers]
        expected = [None if number is None else number * factor for number in numbers]
    values = pa.array(numbers, pa.int64())
    assert counts(values, unit=unit) == expected
    assert counts(values.cast(pa.timestamp(unit))) == expected
    assert counts(values.cast(pa.timestamp(unit, BERLIN)), "Asia/Kathmandu") == expected
    assert [to_microsecond(number, "UTC", TimeForm(unit)) for number in numbers] == expected
    assert [to_microsecond(value, "UTC") for value in np.array(numbers, f"datetime64[{unit}]")] == expected


def test_other_types() -> None:
    day = date(2019, 10, 1)
    midnight = 1_569_888_000_000_000
    assert counts(pa.array([day, None])) == counts(pa.array([day, None], pa.date64())) == [midnight, None]
    assert counts(pa.array([day]), BERLIN) == [midnight - 7_200_000_000]
    assert counts(pa.array(["2019-10-01", None]).dictionary_encode()) == [midnight, None]
    assert counts(pa.array(["2019-10-01"], pa.string_view())) == [midnight]
    assert counts(pa.nulls(2)) == [None, None]
    assert counts(pa.array([1.0, None]), unit="s") == [1_000_000, None]
    assert counts(pa.array([], pa.string())) == []


def test_single_values_of_other_types() -> None:
    for nothing in (None, float("nan"), pd.NaT, np.datetime64("NaT")):
        assert to_microsecond(nothing, "UTC", SECONDS) is None
    assert to_microsecond(pd.Timestamp("2019-10-01T00:00:00.000001000", tz="UTC"), "UTC") == 1_569_888_000_000_001
    assert to_microsecond(np.datetime64("2019-10"), "UTC") == 1_569_888_000_000_000
    assert to_microsecond(np.datetime64("2019-10-01T01", "h"), "UTC") == 1_569_891_600_000_000
    assert to_microsecond(date(2019, 10, 1), "UTC") == 1_569_888_000_000_000
    assert to_microsecond(datetime(2019, 10, 1, tzinfo=ZoneInfo(BERLIN)), "UTC") == 1_569_880_800_000_000
    assert to_microsecond(np.int64(3), "UTC", SECONDS) == to_microsecond(3.0, "UTC", SECONDS) == 3_000_000


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (True, "not a time: True"),
        (b"2019", "expected a time in ISO 8601, got '2019'"),
        (pd.Timestamp("2019-10-01T00:00:00.000000999"), "2019-10-01T00:00:00.000000999 is finer than a microsecond"),
        (3, NO_UNIT),
        ("", "expected a time in ISO 8601, got ''"),
        ("2019-10-01\n", "expected a time in ISO 8601, got '2019-10-01\\n'"),
        (float("inf"), NO_UNIT),
        (np.datetime64(2**62, "s"), "outside the years 1 to 9999"),
        (pd.Timestamp(2_534_023_008_000, unit="s"), "outside the years 1 to 9999"),
    ],
)
def test_single_values_that_are_refused(value: object, reason: str) -> None:
    with pytest.raises(DataError) as raised:
        to_microsecond(value, "UTC")
    assert reason in str(raised.value)
    with pytest.raises(DataError):
        to_microsecond(float("inf"), "UTC", SECONDS)


@given(st.lists(st.integers(YEARS_BEGIN // 1000, YEARS_END // 1000 - 1).map(lambda ms: ms * 1000)))
def test_types_that_hold_instants_give_them_back(times: list[int]) -> None:
    table = zone_table(BERLIN)
    for kind in (pa.timestamp("us", "UTC"), pa.timestamp("ms", BERLIN), pa.string(), pa.large_string()):
        values = from_microseconds(times, kind, table)
        assert values.type == kind
        assert counts(values, BERLIN) == times
    assert counts(from_microseconds(times, pa.int64(), table), unit="us") == times
