"""Files, tables in memory and single values are read alike: the same value, or the same reason."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.reading import open_source
from domaintoolkit.reading.refused_rows import Collected
from domaintoolkit.schema import Column, Reader
from domaintoolkit.values import to_microsecond, to_microseconds
from domaintoolkit.values.booleans import as_booleans
from domaintoolkit.values.declared import convert_text
from domaintoolkit.values.numbers import as_integers, as_numbers, to_number
from domaintoolkit.values.prepared import Prepared

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"]

TIMES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["2019-10-01", "2019-03-31", "2019-10-27", "2020-02-29", "2011-12-30", "0001-01-01", "9999-12-31"]),
    st.sampled_from(["T", "t", " ", ""]),
    st.sampled_from(["", "10", "02:30", "2:30", "10:00:05", "10:00:05.1234567", "10:00:05,12", "24:00", "23:59:60"]),
    st.sampled_from(["", "Z", "z", " UTC", "GMT", "+05:30", "-0800", " +02", "-00:00", "+24:00", "PST"]),
)
NUMBERS = (
    st.floats().map(str)
    | st.integers().map(str)
    | st.sampled_from(
        ["nan(1)", "NaN", "inf", "-Infinity", "1e400", "1_000", "0x1F", "+5", ".5", "5.", " 3", "3 ", "٣", "1,5", "",
         "9007199254740993", "9223372036854775807", "9223372036854775808", "-0", "1e3", "--1", "007"]
    )
)  # fmt: skip
BOOLEANS = st.sampled_from(["true", "TRUE", "tRuE", "false", "1", "0", "yes", "t", "01", " true", "1.0", ""])


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with up to two characters put in, taken out or replaced."""
    text = draw(texts)
    for _ in range(draw(st.integers(0, 2))):
        at, span = draw(st.integers(0, len(text))), draw(st.integers(0, 1))
        text = text[:at] + draw(st.sampled_from(["", *"0159-+:.,TZtz eExX_()aN\0٣é"])) + text[at + span :]
    return text


HINT = re.compile("; (?:set|if) .*")


def outcomes(made: Prepared) -> list[Any]:
    """For each row its value, or why it is refused, without the hint that only a file's reader can follow."""
    reasons = {row: HINT.sub("", reason) for row, reason in made.refused}
    values = made.values.cast(pa.int64()) if pa.types.is_timestamp(made.values.type) else made.values
    listed = [reasons.get(row, value) for row, value in enumerate(values.to_pylist())]
    return ["a NaN" if isinstance(value, float) and math.isnan(value) else value for value in listed]


def in_each_way(texts: list[str], column: Column, in_memory: Callable[[pa.Array], Prepared]) -> Iterable[list[Any]]:
    """What a file gives, all at once and text by text, and the same texts in memory in each type that holds text."""
    raw = pa.array([text.encode() for text in texts], pa.binary())
    yield outcomes(convert_text(raw, column))
    yield [outcomes(convert_text(raw.slice(row, 1), column))[0] for row in range(len(texts))]
    for kind in (pa.string(), pa.large_string(), pa.string_view()):
        yield outcomes(in_memory(pa.array(texts, kind)))
    yield outcomes(in_memory(pa.array(texts).dictionary_encode()))


def the_one(ways: Iterable[list[Any]]) -> list[Any]:
    first, *others = ways
    for other in others:
        assert other == first
    return first


@given(st.lists(mutated(TIMES), min_size=1, max_size=6), st.sampled_from(ZONES))
def test_times(texts: list[str], zone: str) -> None:
    def alone(text: str) -> int | str | None:
        try:
            return to_microsecond(text, zone)
        except DataError as error:
            return error.refusals[0].reason

    column = Column("c", "timestamp", zone=zone)
    assert the_one(in_each_way(texts, column, lambda array: to_microseconds(array, zone))) == list(map(alone, texts))


@given(st.lists(mutated(NUMBERS), min_size=1, max_size=6))
def test_numbers(texts: list[str]) -> None:
    def alone(text: str) -> float | str | None:
        try:
            number = to_number(text)
        except ValueError as error:
            return str(error)
        return "a NaN" if number is not None and math.isnan(number) else number

    assert the_one(in_each_way(texts, Column("c", "float64"), as_numbers)) == list(map(alone, texts))
    the_one(in_each_way(texts, Column("c", "int64"), as_integers))


@given(st.lists(mutated(BOOLEANS), min_size=1, max_size=6))
def test_booleans(texts: list[str]) -> None:
    the_one(in_each_way(texts, Column("c", "bool"), as_booleans))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-10-01T10", datetime(2019, 10, 1, 8)),
        ("2019-10-01t10:00z", datetime(2019, 10, 1, 10)),
        ("2019-10-01 10:00:05,5", datetime(2019, 10, 1, 8, 0, 5, 500_000)),
        ("2019-10-01T10:00:05.1234560", datetime(2019, 10, 1, 8, 0, 5, 123_456)),
        ("2019-10-01T10:00+0530", datetime(2019, 10, 1, 4, 30)),
        ("2019-10-01T10:00 +05", datetime(2019, 10, 1, 5)),
        ("2019-10-27T02:30", datetime(2019, 10, 27, 0, 30)),  # twice on that day: the first one
        ("2019-10-01T10:00:05.1234567", "is finer than a microsecond; round it first"),
        ("2019-03-31T02:30", "does not exist in Europe/Berlin: its clocks are put forward then"),
        ("2019-10-01T24:00", "is not a time of day: the last one is 23:59:59"),
        ("2016-12-31T23:59:60Z", "is not a time of day: the last one is 23:59:59"),
        ("2019-10-01T10:00+24:00", "is farther from UTC than 23:59"),
        ("2019-02-29", "is not a day of the calendar"),
        ("0000-01-01", "is outside the years 1 to 9999"),
        ("2019-10-01T10:00 PST", "expected a time in ISO 8601"),
        (" 2019-10-01", "expected a time in ISO 8601"),
    ],
)
def test_decisions_on_times(text: str, expected: datetime | str) -> None:
    column = Column("c", "timestamp", zone="Europe/Berlin")
    (found,) = the_one(in_each_way([text], column, lambda array: to_microseconds(array, "Europe/Berlin")))
    if isinstance(expected, str):
        assert expected in found
        assert repr(text) in found
    else:
        assert found == expected.replace(tzinfo=UTC).timestamp() * 1_000_000


@pytest.mark.parametrize(
    ("text", "number", "integer"),
    [
        ("+5", 5.0, "expected an integer, got '+5', which is not how 5 is written"),
        ("007", 7.0, "expected an integer, got '007', which is not how 7 is written"),
        ("5.", 5.0, "expected an integer, got '5.', which is not how 5 is written"),
        ("1e3", 1000.0, "expected an integer, got '1e3', which is not how 1000 is written"),
        ("-Infinity", -math.inf, "expected an integer, got '-Infinity'"),
        ("NAN", "a NaN", "expected an integer, got 'NAN'"),
        ("nan(1)", "expected a number, got 'nan(1)'", "expected an integer, got 'nan(1)'"),
        ("1_000", "expected a number, got '1_000'", "expected an integer, got '1_000'"),
        ("0x1F", "expected a number, got '0x1F'", "expected an integer, got '0x1F'"),
        ("٣", "expected a number, got '٣'", "expected an integer, got '٣'"),
        (" 3", "expected a number, got ' 3'", "expected an integer, got ' 3'"),
        ("1e400", "'1e400' is beyond a 64-bit float", "'1e400' is beyond a 64-bit integer"),
        ("9223372036854775808", 2.0**63, "'9223372036854775808' is beyond a 64-bit integer"),
    ],
)
def test_decisions_on_numbers(text: str, number: float | str, integer: int | str) -> None:
    assert the_one(in_each_way([text], Column("c", "float64"), as_numbers)) == [number]
    assert the_one(in_each_way([text], Column("c", "int64"), as_integers)) == [integer]


@given(mutated(TIMES).filter(lambda text: text != "" and "\0" not in text))
def test_a_csv_file_refuses_what_a_table_refuses(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path: Path = tmp_path_factory.mktemp("agreement") / "times.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["at"], [text]])
    refused = Collected()
    source = open_source(path, Reader(columns=(Column("at", "timestamp"),)))
    found = [value for batch in source.batches(refused=refused) for value in outcomes(Prepared(batch.records["at"]))]
    reasons = [refusal.reason for refusal in refused.refusals]
    assert [*found, *reasons] == outcomes(to_microseconds(pa.array([text]), "UTC"))


LONG = 9_000
"""More texts than are cast together once a cast of all of them has failed."""


@given(st.lists(st.tuples(st.integers(0, LONG - 1), mutated(TIMES)), max_size=6), st.sampled_from(ZONES))
def test_a_time_in_a_long_column_is_read_as_alone(odd: list[tuple[int, str]], zone: str) -> None:
    texts = [f"2019-10-01 00:{number // 60 % 60:02}:{number % 60:02}" for number in range(LONG)]
    regular = outcomes(to_microseconds(pa.array(texts), zone))
    for row, text in odd:
        texts[row] = text
        regular[row] = outcomes(to_microseconds(pa.array([text]), zone))[0]
    assert outcomes(to_microseconds(pa.array(texts), zone)) == regular


@given(st.lists(st.tuples(st.integers(0, LONG - 1), mutated(NUMBERS)), max_size=6))
def test_a_number_in_a_long_column_is_read_as_alone(odd: list[tuple[int, str]]) -> None:
    texts = [str(number / 4) for number in range(LONG)]
    for row, text in odd:
        texts[row] = text
    expected: list[Any] = [number / 4 for number in range(LONG)]
    for row, _ in odd:
        expected[row] = outcomes(as_numbers(pa.array([texts[row]])))[0]
    assert outcomes(as_numbers(pa.array(texts))) == expected
