"""Files, tables in memory and single values are read alike: the same value, or the same reason."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.reading import open_source
from domaintoolkit.reading.refused_rows import Collected
from domaintoolkit.schema import Column, Reader
from domaintoolkit.times.time_form import Finer, Unit, formats_of, time_form
from domaintoolkit.values import to_microsecond, to_microseconds
from domaintoolkit.values.booleans import as_booleans
from domaintoolkit.values.declared import convert_text
from domaintoolkit.values.numbers import as_integers, as_numbers, to_number
from domaintoolkit.values.objects import as_column
from domaintoolkit.values.prepared import Prepared


class TimeSettings(NamedTuple):
    """The settings of a declaration that say how times are written."""

    time_format: str | tuple[str, ...] | None = None
    time_unit: Unit | None = None
    time_origin: str | None = None
    finer_times: Finer = "refuse"


ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Pacific/Apia"]

TIMES = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["2019-10-01", "2019-03-31", "2019-10-27", "2020-02-29", "2011-12-30", "0001-01-01", "9999-12-31"]),
    st.sampled_from(["T", "t", " ", ""]),
    st.sampled_from(["", "10", "02:30", "2:30", "10:00:05", "10:00:05.1234567", "10:00:05,12", "24:00", "23:59:60"]),
    st.sampled_from(["", "Z", "z", " UTC", "GMT", "+05:30", "-0800", " +02", "-00:00", "+24:00", "PST"]),
)
FORMATS = [
    "%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%d.%m.%Y %H:%M", "%d/%m/%y", "%-d %b %Y %-I:%M %p", "%Y-%m-%dT%H:%M:%S.%f%z",
    "%Y-%j", "%G-W%V-%u %H:%M", "%Y %U %w", "%a %b %e %H:%M:%S %Y", "%Y-%m", "%Y-%m-%d %H:%M:%S UTC",
    "%Y-%m-%d %H:%M:%S+01:00", ("%d/%m/%y", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M%z"), "%YQ%q",
]  # fmt: skip
CLOCKS = ["%H:%M", "%-H:%M:%S", "%I:%M %p", "%H%M%S"]
ORIGINS = ["2019-03-31", "2019-10-27T00:30", "2019-10-01T00:00Z", "1899-12-30"]
FINERS: list[Finer] = ["refuse", "cut"]
FINER = st.sampled_from(FINERS)
FORMS = st.one_of(
    st.tuples(st.sampled_from(FORMATS), st.none(), st.none(), FINER),
    st.tuples(st.sampled_from(CLOCKS), st.none(), st.sampled_from(ORIGINS), FINER),
    st.tuples(
        st.none(), st.sampled_from(get_args(Unit)), st.none() | st.sampled_from(ORIGINS), st.sampled_from(FINERS)
    ),
    st.tuples(st.none(), st.none(), st.none(), FINER),
).map(lambda settings: TimeSettings(*settings))
COUNTS = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    st.integers(0, 10).map(str) | st.integers(10**9, 10**19).map(str),
    st.sampled_from(["", ".", ".5", ".123", ".123456", ".1234567", ".520833333333336", "e3", "e-4", "E30"]),
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


HINT = re.compile("; (?:set (?!time_|zone)|if |text is kept by ).*")


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


@pytest.mark.slow
@given(st.lists(mutated(TIMES), min_size=1, max_size=6), st.sampled_from(ZONES))
def test_times(texts: list[str], zone: str) -> None:
    def alone(text: str) -> int | str | None:
        try:
            return to_microsecond(text, zone)
        except DataError as error:
            return HINT.sub("", error.refusals[0].reason)

    column = Column("c", "timestamp", zone=zone)
    assert the_one(in_each_way(texts, column, lambda array: to_microseconds(array, zone))) == list(map(alone, texts))


@st.composite
def written(draw: st.DrawFn, settings: TimeSettings) -> str:
    """A time as a form writes it, now and then with a fault."""
    if settings.time_format is None:
        return draw(mutated(TIMES if settings.time_unit is None else COUNTS | TIMES))
    moment = draw(st.datetimes(datetime(1970, 1, 1), datetime(2060, 1, 1)) | st.just(datetime(2016, 12, 31, 23, 59)))
    form = draw(st.sampled_from(formats_of(settings.time_format))).replace("%q", str((moment.month + 2) // 3))
    text = moment.strftime(form.replace("%z", "+0100"))
    return draw(st.just(text) | st.just(text.replace("59:", "59:60")) | mutated(st.just(text)))


@pytest.mark.slow
@given(st.data(), FORMS, st.sampled_from(ZONES))
def test_times_of_every_form(data: st.DataObject, settings: TimeSettings, zone: str) -> None:
    form = time_form(*settings)

    def alone(text: str) -> int | str | None:
        try:
            return to_microsecond(text, zone, form)
        except DataError as error:
            return HINT.sub("", error.refusals[0].reason)

    texts = data.draw(st.lists(written(settings), min_size=1, max_size=6))
    column = Column("c", "timestamp", zone=zone, **settings._asdict())
    found = the_one(in_each_way(texts, column, lambda array: to_microseconds(array, zone, form)))
    assert found == list(map(alone, texts))


@given(
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(10**9, 10**10), min_size=1),
    st.lists(
        st.floats() | st.integers(0, 2**51).map(lambda micros: micros / 1e6)
        | st.integers(0, 2**51).map(lambda micros: micros / 86_400e6) | st.floats(1e9, 2e9),
        min_size=1,
    ),
    st.sampled_from(get_args(Unit)),
    st.none() | st.sampled_from(ORIGINS),
    FINER,
)  # fmt: skip
@example([7_200_000_000], [0.0], "us", "2019-03-31", "refuse")
def test_numbers_of_every_type_count_alike(
    integers: list[int], floats: list[float], unit: Unit, origin: str | None, finer: Finer
) -> None:
    form = time_form(None, unit, origin, finer)

    def read(array: pa.Array) -> list[Any]:
        return outcomes(to_microseconds(array, "Europe/Berlin", form))

    def alone(value: object) -> Any:
        try:
            return to_microsecond(value, "Europe/Berlin", form)
        except DataError as error:
            return HINT.sub("", error.refusals[0].reason)

    counted = read(pa.array(integers, pa.int64()))
    assert counted == read(pa.array(map(str, integers))) == list(map(alone, integers))
    assert counted == read(pa.array(map(Decimal, integers), pa.decimal128(19, 0)))
    finite = [number for number in floats if math.isfinite(number)]
    assert read(pa.array(finite, pa.float64())) == read(pa.array(map(repr, finite), pa.string()))
    assert read(pa.array(floats)) == list(map(alone, floats))


@given(st.lists(mutated(NUMBERS), min_size=1, max_size=6))
@example(["10e999999999999999999"])
def test_numbers(texts: list[str]) -> None:
    def alone(text: str) -> float | str | None:
        try:
            number = to_number(text)
        except ValueError as error:
            return str(error)
        return "a NaN" if number is not None and math.isnan(number) else number

    assert the_one(in_each_way(texts, Column("c", "float64"), as_numbers)) == list(map(alone, texts))
    the_one(in_each_way(texts, Column("c", "int64"), as_integers))


@given(st.lists(st.integers(-(10**18), 10**18), min_size=1, max_size=6), st.integers(0, 12))
def test_decimals_are_the_nearest_floats(digits: list[int], scale: int) -> None:
    decimals = [Decimal(number).scaleb(-scale) for number in digits]
    column = as_numbers(pa.array(decimals, pa.decimal128(38, 12))).values.to_pylist()
    assert column == [to_number(decimal) for decimal in decimals] == [float(str(decimal)) for decimal in decimals]


@pytest.mark.parametrize("number", [2**53 + 1, -(2**53) - 1, 2**63, 2**64 - 1, 10**30])
def test_whole_numbers_beyond_2_53_are_the_nearest_floats_in_every_way(number: int) -> None:
    ways = [to_number(number), as_numbers(pa.array([str(number)])).values[0].as_py()]
    ways += [
        as_numbers(pa.array([Decimal(number)])).values[0].as_py(),
        as_column([number, True], "number").values[0].as_py(),
    ]
    if number < 2**63:
        ways.append(as_numbers(pa.array([number], pa.int64())).values[0].as_py())
    if 0 <= number < 2**64:
        ways.append(as_numbers(pa.array([number], pa.uint64())).values[0].as_py())
    assert set(ways) == {float(number)}


@given(st.lists(mutated(BOOLEANS), min_size=1, max_size=6))
def test_booleans(texts: list[str]) -> None:
    the_one(in_each_way(texts, Column("c", "bool"), as_booleans))


@pytest.mark.slow
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
        ("2019-10-01T10:00:05.1234567", 'is finer than a microsecond; finer_times = "cut" cuts it'),
        ("2019-03-31T02:30", "does not exist in Europe/Berlin: its clocks are put forward then"),
        ("2019-10-01T24:00", datetime(2019, 10, 1, 22)),
        ("2019-10-01T24:00:01", "is not a time of day: the last one is 24:00"),
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, 999_999)),
        ("2017-01-01T00:59:60", datetime(2016, 12, 31, 23, 59, 59, 999_999)),
        ("2016-12-31T23:59:60", "is not a leap second"),
        ("2019-10-01T10:00:60Z", "is not a leap second"),
        ("20191001T100005Z", datetime(2019, 10, 1, 10, 0, 5)),
        ("2019-10-01T1000", datetime(2019, 10, 1, 8)),
        ("20191001", datetime(2019, 9, 30, 22)),
        ("2019-W40-2", datetime(2019, 9, 30, 22)),
        ("2019W402T10Z", datetime(2019, 10, 1, 10)),
        ("2019-274", datetime(2019, 9, 30, 22)),
        ("2019-W53-1", "is not a week of the calendar"),
        ("2019-366", "is not a day of the calendar"),
        ("2019274", 'set time_format, such as "%Y%j"'),
        ("2019", 'set time_format, such as "%Y"'),
        ("201910", 'set time_format, such as "%Y%m" or "%y%m%d"'),
        ("1569888000123", 'numbers are times with a time_unit, such as time_unit = "ms"'),
        ("2019-1-5 7:03", 'set time_format, such as "%Y-%-m-%-d %-H:%M"'),
        ("01.10.2019", 'set time_format, such as "%d.%m.%Y"'),
        ("13/Jan/2024:10:00:00 +0000", 'set time_format, such as "%d/%b/%Y:%H:%M:%S %z"'),
        ("Sat, 13 Jan 2024 10:00:00 GMT", 'set time_format, such as "%a, %d %b %Y %H:%M:%S %Z"'),
        ("Jan 13 2024 9:05 PM", 'set time_format, such as "%b %-d %Y %-I:%M %p"'),
        ("20240113101500", 'set time_format, such as "%Y%m%d%H%M%S"'),
        ("45292.5", 'time_unit = "d", time_origin = "1899-12-30"'),
        ("06:21", "name the columns of both in time_join, or the date in time_origin"),
        ("2019-10-01T10:00+24:00", "is farther from UTC than 23:59"),
        ("2019-02-29", "is not a day of the calendar"),
        ("0000-01-01", "is outside the years 1 to 9999"),
        ("2019-10-01T10:00 PST", "and zone to the one that PST is the time of"),
        (" 2019-10-01", "expected a time in ISO 8601"),
        ("2019-10-01T10:00+05:30[Asia/Kolkata]", datetime(2019, 10, 1, 4, 30)),
        ("13/10/19", 'set time_format, such as "%d/%m/%y"'),
        ("10/13/2019", 'set time_format, such as "%m/%d/%Y"'),
        ("1/5/2019, 1:05:00\u202fPM", '"%-m/%-d/%Y, %-I:%M:%S\\u202f%p"'),
        ("Tue Oct  1 10:00:00 2019", 'set time_format, such as "%a %b %e %H:%M:%S %Y"'),
        ("Tue Oct 01 10:00:00 +0200 2019", 'set time_format, such as "%a %b %d %H:%M:%S %z %Y"'),
        ("05-MAR-24 01.02.03.123456 PM", 'set time_format, such as "%d-%b-%y %I.%M.%S.%f %p"'),
        ("2019-10-01 10:00 EST", "and zone to the one that EST is the time of"),
        ("2019Q4", 'set time_format, such as "%YQ%q"'),
    ],
)
def test_decisions_on_times(text: str, expected: datetime | str) -> None:
    column = Column("c", "timestamp", zone="Europe/Berlin")
    (found,) = the_one(in_each_way([text], column, lambda array: to_microseconds(array, "Europe/Berlin")))
    if isinstance(expected, str):
        assert isinstance(found, str)
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


@pytest.mark.slow
@given(mutated(TIMES).filter(lambda text: text != "" and "\0" not in text))
def test_a_csv_file_refuses_what_a_table_refuses(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path: Path = tmp_path_factory.mktemp("agreement") / "times.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["at"], [text]])
    refused = Collected()
    source = open_source(path, Reader(columns=(Column("at", "timestamp"),)))
    found = [value for batch in source.batches(refused=refused) for value in outcomes(Prepared(batch.records["at"]))]
    reasons = [HINT.sub("", refusal.reason) for refusal in refused.refusals]
    assert [*found, *reasons] == outcomes(to_microseconds(pa.array([text]), "UTC"))


LONG = 9_000
"""More texts than are cast together once a cast of all of them has failed."""


@pytest.mark.slow
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
