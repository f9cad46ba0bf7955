from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Categorical, Column, Schema
from domaintoolkit.tokenizer.rows.table import read_columns
from domaintoolkit.values import to_microsecond, to_microseconds
from domaintoolkit.values.declared import Converted, convert_text, convert_typed, misfit
from domaintoolkit.values.numbers import as_numbers
from domaintoolkit.values.value_names import as_text

JUNK = st.sampled_from(["", " 3", "3 ", "1.5", "0x1F", "+5", "1_0", "٣", "--1", "nan(1)", "1e999", "t", "x", "9" * 30])
MICROS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))


def converted(values: Sequence[str | None], **column: object) -> Converted:
    array = pa.array([None if value is None else value.encode() for value in values], pa.binary())
    made = convert_text(array, Column("c", **column))  # type: ignore[arg-type]
    assert len(made.values) == len(values)
    return made


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1).map(str) | JUNK | st.integers().map(str)))
def test_integers(values: list[str | None]) -> None:
    made = converted(values, type="int64")
    for row, (value, found) in enumerate(zip(values, made.values.to_pylist(), strict=True)):
        digits = "" if value is None else value.removeprefix("-")
        first = (value or "")[:1] + digits[:1]
        own = digits.isdecimal() and digits.isascii() and (first not in {"00", "-0"} or value == "0")
        fine = own and -(2**63) <= int(value or 0) < 2**63
        assert (row in dict(made.refused)) == (value is not None and not fine)
        assert found == (int(value or 0) if fine else None)


@given(
    st.lists(st.none() | st.floats().map(str) | st.sampled_from(["1", "5.", ".5", "+1e5", "Infinity", "NAN"]) | JUNK)
)
def test_floats(values: list[str | None]) -> None:
    made = converted(values, type="float64")
    refused = {"", " 3", "3 ", "0x1F", "1_0", "٣", "--1", "nan(1)", "1e999", "t", "x"}
    for row, (value, found) in enumerate(zip(values, made.values.to_pylist(), strict=True)):
        assert (row in dict(made.refused)) == (value in refused)
        if value is None or value in refused:
            assert found is None
        else:
            assert found == float(value) or (math.isnan(found) and math.isnan(float(value)))


def test_booleans() -> None:
    made = converted(["true", "FALSE", "1", "0", None, "yes"], type="bool")
    assert made.values.to_pylist() == [True, False, True, False, None, None]
    reason = "expected true, false, 1 or 0, got 'yes'; set the words for both in true and false"
    assert dict(made.refused) == {5: reason}
    words = converted(["Yes", "No", "true", "0", "yes"], type="bool", true=["Yes"], false=["No"])
    assert words.values.to_pylist() == [True, False, True, False, None]
    for wrong in ({"true": ["0"]}, {"false": ["TRUE"]}, {"true": ["x"], "false": ["x"]}):
        with pytest.raises(SchemaError, match="stands for the opposite"):
            Column("c", "bool", **wrong)  # type: ignore[arg-type]
    with pytest.raises(SchemaError, match="is for columns of type bool"):
        Column("c", true=["x"])


@given(
    st.lists(
        st.tuples(
            MICROS,
            st.sampled_from(["T", " "]),
            st.integers(0, 6),
            st.sampled_from([None, "Z", " UTC", "+05:30", "-0800", " +00:00", "+13"]),
        )
    )
)
def test_iso_times(drawn: list[tuple[datetime, str, int, str | None]]) -> None:
    texts, expected, named = [], [], []
    for moment, separator, digits, zone in drawn:
        cut = moment.replace(microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
        text = cut.strftime(f"%m-%d{separator}%H:%M:%S")
        text = f"{cut.year:04}-{text}" + (f".{cut.microsecond:06}"[: digits + 1] if digits else "")
        texts.append(text + (zone or ""))
        named.append(zone is not None)
        hours = {"+05:30": 5.5, "-0800": -8, "+13": 13}.get(zone or "", 0)
        expected.append(cut.replace(tzinfo=timezone(timedelta(hours=hours))).astimezone(UTC))
    made = converted(texts, type="timestamp")
    assert not dict(made.refused)
    assert made.values.to_pylist() == expected
    assert made.named is not None
    assert made.named.tolist() == named


@pytest.mark.slow
@given(
    st.lists(
        st.text(st.sampled_from("0123459-: TZ.+"), max_size=25)
        | st.sampled_from(
            [
                "2019-02-29",
                "2019-13-01",
                "0000-01-01",
                "2019-10-01Z",
                "2019-10-01T24:00",
                "2019-10-01 00:00:00.",
                "2019-10-01 00:00:00 PST",
                "2019-10-01 00:00:00Z\0",
            ]
        )
    )
)
def test_what_is_no_iso_time_is_refused(texts: list[str]) -> None:
    made = converted(texts, type="timestamp")
    for row, text in enumerate(texts):
        # ordinal dates and 24:00, which Python does not read
        text = re.sub(r"^([0-9]{4})-[0-9]{3}(?![0-9])", r"\1-01-01", re.sub("(?<=[T ])24", "00", text))
        try:
            datetime.fromisoformat(text.replace(" UTC", "Z").replace(" +", "+").replace(" -", "-"))
        except ValueError:
            assert row in dict(made.refused)


def test_iso_shapes() -> None:
    texts = ["2019-10-01", "2019-10-01 12:30", "2020-02-29T23:59:59,5", "2019-10-01T12:30Z", None]
    made = converted(texts, type="timestamp", zone="Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    assert made.values.to_pylist() == [
        datetime(2019, 10, 1, tzinfo=berlin).astimezone(UTC),
        datetime(2019, 10, 1, 12, 30, tzinfo=berlin).astimezone(UTC),
        datetime(2020, 2, 29, 23, 59, 59, 500_000, tzinfo=berlin).astimezone(UTC),
        datetime(2019, 10, 1, 12, 30, tzinfo=UTC),
        None,
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2019-03-31 02:30", "does not exist in Europe/Berlin"),
        ("2019-10-01 00:00:00.0000001", "finer than a microsecond"),
        ("0001-01-01T00:00:00+01:00", "outside the years 1 to 9999"),
        ("yesterday", "expected a time in ISO 8601, got 'yesterday'"),
    ],
)
def test_reasons_for_times(text: str, reason: str) -> None:
    made = converted([None, text, "2019-10-01"], type="timestamp", zone="Europe/Berlin")
    assert list(dict(made.refused)) == [1]
    assert reason in dict(made.refused)[1]


FORMATS = [
    "%Y-%m-%d %H:%M:%S UTC",
    "%d/%m/%Y %H:%M",
    "%Y%m%d%H%M%S",
    "%d %b %Y %I:%M %p",
    "%Y-%m-%dT%H:%M:%S.%f",
    "%d.%m.%Y",
]


@given(st.sampled_from(FORMATS), st.lists(st.none() | st.datetimes(datetime(1000, 1, 1)) | JUNK))
def test_time_formats_read_what_strptime_reads(pattern: str, drawn: list[datetime | str | None]) -> None:
    texts = [moment.strftime(pattern) if isinstance(moment, datetime) else moment for moment in drawn]
    made = converted(texts, type="timestamp", time_format=pattern)
    for row, (moment, text) in enumerate(zip(drawn, texts, strict=True)):
        assert (row in dict(made.refused)) == isinstance(moment, str)
        if isinstance(moment, datetime):
            expected = datetime.strptime(text or "", pattern).replace(tzinfo=UTC)
            assert made.values[row].as_py() == expected


def test_formats_that_name_a_zone() -> None:
    made = converted(
        ["2019-10-01 00:00 +0200", "2019-10-01 00:00 -01:00"], type="timestamp", time_format="%Y-%m-%d %H:%M %z"
    )
    assert [value.hour for value in made.values.to_pylist()] == [22, 1]
    made = converted(
        ["2019-10-01 GMT", "2019-10-01 PST"], type="timestamp", time_format="%Y-%m-%d %Z", zone="Asia/Tokyo"
    )
    assert (made.values[0].as_py(), list(dict(made.refused))) == (datetime(2019, 10, 1, tzinfo=UTC), [1])


@given(st.lists(st.none() | st.dates()))
def test_dates(days: list[date | None]) -> None:
    made = converted([None if day is None else day.isoformat() for day in days], type="date")
    assert (made.values.to_pylist(), dict(made.refused)) == (days, {})


def test_wrong_dates() -> None:
    made = converted(["2019-02-29", "2019-10-01 00:00", "01.02.2019"], type="date")
    assert list(dict(made.refused)) == [0, 1, 2]
    assert converted(["01.02.2019"], type="date", time_format="%d.%m.%Y").values.to_pylist() == [date(2019, 2, 1)]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pa.array([UUID(int=5), None]), [str(UUID(int=5)), None]),
        (pa.array([13085.0, 1.5, None]), ["13085", "1.5", None]),
        (pa.array([Decimal("1.50"), Decimal(2)], pa.decimal64(9, 2)), ["1.5", "2"]),
        (pa.array([date(2024, 1, 5)], pa.date64()).dictionary_encode(), ["2024-01-05"]),
        (pa.array([time(1, 2)]), ["01:02:00"]),
        (pa.array([datetime(2024, 1, 5, 10)]), ["2024-01-05T10:00:00"]),
        (pa.array([b"ab"], pa.binary(2)), ["ab"]),
        (pa.array([True, None]), ["true", None]),
    ],
)
def test_a_column_of_any_type_is_text_as_it_is_in_memory(values: pa.Array, names: list[str | None]) -> None:
    column = Column("c", "string")
    assert misfit(values.type, column) is None
    assert convert_typed(values, column).values.to_pylist() == names
    in_memory = read_columns(Schema(entity=("u",), fields=(Categorical("c"),)), {"u": names, "c": values})["c"]
    assert as_text(in_memory).values.to_pylist() == names


def test_runs_and_views_of_lists_are_read_as_rows_and_lists() -> None:
    runs = pa.RunEndEncodedArray.from_arrays([1, 3], ["x", "y"])
    lists = pa.array([["b", "a"], None, ["c"]], pa.list_view(pa.string()))
    plain, joined = Column("c"), Column("c", set_separator="|")
    assert misfit(runs.type, plain) is None
    assert convert_typed(runs, plain).values.to_pylist() == ["x", "y", "y"]
    assert "set set_separator" in str(misfit(lists.type, plain))
    assert convert_typed(lists, joined).values.to_pylist() == ["a|b", None, "c"]
    numbers = pa.RunEndEncodedArray.from_arrays([2], pa.array([1.5]))
    assert convert_typed(numbers, Column("c", "float64")).values.to_pylist() == [1.5, 1.5]


def test_whole_numbers_whose_digits_are_dates() -> None:
    column = Column("c", "timestamp", time_format="%Y%m%d")
    days = pa.array([20240105, None, 20241301], pa.int32())
    assert misfit(days.type, column) is None
    made = convert_typed(days, column)
    assert made.values.to_pylist() == [datetime(2024, 1, 5, tzinfo=UTC), None, None]
    assert [row for row, _ in made.refused] == [2]
    assert made.values.equals(to_microseconds(days, "UTC", column.time_form).values)
    assert to_microsecond(20240105, "UTC", column.time_form) == made.values[0].value
    assert "%Y%m%d" in str(misfit(days.type, Column("c", "timestamp")))


@pytest.mark.parametrize(
    ("values", "unit", "numbers"),
    [
        (pa.array([1, None, -90], pa.duration("s")), None, [1.0, None, -90.0]),
        (pa.array([1500, 2**62], pa.duration("ns")), "s", [1.5e-06, 4611686018.427388]),
        (pa.array([2**61 + 1], pa.duration("us")), "ms", [float(Fraction(2**61 + 1, 1000))]),
        (pa.array([90], pa.duration("s")), "min", [1.5]),
        (pa.array([2**53 + 1], pa.duration("s")), "us", [float((2**53 + 1) * 10**6)]),
        (pa.array([3_930_000], pa.time32("ms")), None, [3930.0]),
    ],
)
def test_columns_of_durations_are_numbers(values: pa.Array, unit: Any, numbers: list[float | None]) -> None:
    column = Column("c", "float64", duration_unit=unit)
    assert misfit(values.type, column) is None
    assert convert_typed(values, column).values.to_pylist() == numbers
    if unit in (None, "s"):
        assert as_numbers(values).values.to_pylist() == numbers


def test_whole_numbers_of_durations_are_exact() -> None:
    values = pa.array([2**53 + 1, 2**62, None, -(2**62) - 1], pa.duration("ns"))
    exact = Column("c", "int64", duration_unit="ns")
    assert convert_typed(values, exact).values.to_pylist() == [2**53 + 1, 2**62, None, -(2**62) - 1]
    made = convert_typed(pa.array([1500, 2000, 2**60], pa.duration("ms")), Column("c", "int64"))
    assert made.values.to_pylist() == [None, 2, None]
    assert "expected an integer, got 1.5" in made.refused[0][1]
    (refused,) = convert_typed(pa.array([2**60], pa.duration("s")), Column("c", "int64", duration_unit="us")).refused
    assert "beyond a 64-bit integer" in refused[1]


@pytest.mark.parametrize(
    ("kind", "type", "hint"),
    [
        (pa.duration("s"), "string", "a numeric field, or a column of type float64, reads them as seconds"),
        (pa.list_(pa.float64()), "float64", "write the elements as columns, or as rows"),
        (pa.map_(pa.string(), pa.int32()), "string", "write it as a struct, or its values as columns"),
    ],
)
def test_a_type_that_no_column_takes_has_a_hint(kind: pa.DataType, type: Any, hint: str) -> None:
    assert hint in str(misfit(kind, Column("c", type)))
