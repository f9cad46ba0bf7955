from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Column, Reader, from_dict, from_toml_text, to_toml
from domaintoolkit.values.declared import Converted, convert_text


def read(texts: list[str | None], **settings: Any) -> Converted:
    (column,) = Reader((Column("c", **settings),)).settled
    return convert_text(pa.array([None if text is None else text.encode() for text in texts], pa.binary()), column)


def written(number: Decimal, style: dict[str, Any], order: int) -> str:
    """A number as people write it in a style; `order` says whether the sign or the prefix comes first."""
    digits = f"{abs(number):,f}".replace(",", "T").replace(".", style.get("decimal", "."))
    digits = digits.replace("T", style.get("thousands", ""))
    minus = "-" if number < 0 else ""
    if minus and "negative" in style:
        around = style["negative"] == "parentheses"
        inner = style.get("prefix", "") + digits + style.get("suffix", "")
        return f"({inner})" if around else f"{inner}-"
    front = (minus, style.get("prefix", ""))
    return "".join(front if order else front[::-1]) + digits + style.get("suffix", "")


STYLES = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.sampled_from(["$", "€", "CHF ", "R$"]),
        "suffix": st.sampled_from([" kg", "€", "pcs"]),
        "negative": st.sampled_from(["parentheses", "trailing"]),
    },
)
MARKS = st.sampled_from(
    [{}, {"thousands": ","}, {"thousands": ".", "decimal": ","}, {"thousands": " ", "decimal": ","}]
)
NUMBERS = st.decimals(-(10**9), 10**9, places=2)


@given(st.lists(st.tuples(NUMBERS, st.integers(0, 1)), min_size=1), STYLES, MARKS)
def test_numbers_are_read_as_they_were_written(
    drawn: list[tuple[Decimal, int]], style: dict[str, Any], marks: dict[str, str]
) -> None:
    style = style | marks
    made = read([written(number, style, order) for number, order in drawn], type="float64", **style)
    assert not made.refused
    assert made.values.to_pylist() == [float(number) for number, _ in drawn]


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(0, 1)), min_size=1), STYLES, MARKS)
def test_whole_numbers_are_read_as_they_were_written(
    drawn: list[tuple[int, int]], style: dict[str, Any], marks: dict[str, str]
) -> None:
    style = style | marks
    made = read([written(Decimal(number), style, order) for number, order in drawn], type="int64", **style)
    assert not made.refused
    assert made.values.to_pylist() == [number for number, _ in drawn]


@given(NUMBERS, STYLES, MARKS, st.booleans(), st.integers(0, 1))
def test_a_reason_names_the_settings_that_read_the_number(
    number: Decimal, style: dict[str, Any], marks: dict[str, str], percent: bool, order: int
) -> None:
    if "prefix" in style or percent:
        style.pop("suffix", None)
    style = style | marks
    text = written(number, style | ({"suffix": "%"} if percent else {}), order)
    made = read([text], type="float64")
    if not made.refused:
        return
    found = re.search(r"; set (.*) for this column$", made.refused[0][1])
    assert found is not None, made.refused
    settings = tomllib.loads(found[1].replace(", ", "\n").replace("= '\n", "= ', "))
    assert read([text], type="float64", **settings).values.to_pylist() == [float(number / (100 if percent else 1))]


@pytest.mark.parametrize("text", ["1,23", "5,5", ",5", "1,2345", "1,,234", "(5", "5)", "(-5)", "--5", "-5-", "$", "()"])
def test_what_is_no_number_of_a_style_is_refused(text: str) -> None:
    made = read([text], type="float64", prefix="$", thousands=",", negative="parentheses")
    assert [row for row, _ in made.refused] == [0]


def test_percentages_are_hundredths_and_other_numbers_themselves() -> None:
    made = read(["5%", "5", "-3.5 %", "7e2%", None], type="float64", percent=True)
    assert made.values.to_pylist() == [0.05, 5, -0.035, 7, None]


def test_a_whole_number_has_one_spelling_unless_any_is_allowed() -> None:
    texts: list[str | None] = ["7", "007", "+7", "7.0", "7.", "7e0", "-0", "0"]
    made = read(texts, type="int64")
    assert made.values.to_pylist() == [7, None, None, None, None, None, None, 0]
    assert "'007', which is not how 7 is written; set spelling = 'any'" in made.refused[0][1]
    loose = read([*texts, "7.5", "1e400", "x"], type="int64", spelling="any")
    assert loose.values.to_pylist() == [7, 7, 7, 7, 7, 7, 0, 0, None, None, None]
    assert "set type = 'float64'" in loose.refused[0][1]


def test_trimming_leaves_out_spaces_and_finds_nulls() -> None:
    made = read([" a", "b\t", " NA ", "NA", "  ", "\u00a0x", None], trim=True, null=["", "NA"])
    assert made.values.to_pylist() == ["a", "b", None, "NA", None, "x", None]
    assert read([" 3 ", "4"], type="float64", trim=True).values.to_pylist() == [3, 4]
    assert "set trim = true" in read([" 3 "], type="float64").refused[0][1]


def test_the_settings_of_a_reader_hold_for_all_columns_of_numbers() -> None:
    reader = Reader((Column("a", "float64"), Column("b", "float64", decimal="."), Column("c")), decimal=",", trim=True)
    assert [column.decimal for column in reader.settled] == [",", ".", None]
    assert [column.trim for column in reader.settled] == [True] * 3


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"thousands": ".", "type": "float64"}, "columns[0].thousands"),
        ({"thousands": "5", "type": "float64"}, "columns[0].thousands"),
        ({"prefix": "-", "type": "float64"}, "columns[0].prefix"),
        ({"prefix": "$"}, "columns[0].prefix"),
        ({"units": {"5": 1}, "type": "float64"}, "columns[0].units"),
        ({"units": {"K": 0}, "type": "float64"}, "columns[0].units"),
        ({"units": [["K", 1], ["K", 2]], "type": "float64"}, "columns[0].units"),
        ({"true": ["Yes"], "type": "date"}, "columns[0].true"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(settings: dict[str, Any], path: str) -> None:
    with pytest.raises(SchemaError) as caught:
        from_dict(Reader, {"columns": [{"name": "c", **settings}]})
    assert [problem.path for problem in caught.value.problems] == [path]


def test_units_stand_for_factors() -> None:
    texts: list[str | None] = ["1.2K", "3 M", "<5", "5 DR", "-5DR", "0.1K", "7"]
    units = {"K": 1000, "M": 1e6, "<": 1, "DR": -1}
    assert read(texts, type="float64", units=units).values.to_pylist() == [1200, 3e6, 5, -5, 5, 100, 7]
    whole = read(["1.2K", "1.0001K", "K"], type="int64", units=units)
    assert whole.values.to_pylist() == [1200, None, None]
    column = from_dict(Reader, {"columns": [{"name": "c", "type": "float64", "units": units}]})
    assert from_toml_text(Reader, to_toml(column)) == column


def test_words_for_true_and_false_are_one_and_zero_in_a_column_of_numbers() -> None:
    for kind in ("float64", "int64"):
        made = read(["true", "No", "5", "no"], type=kind, true=["true"], false=["No"])
        assert made.values.to_pylist() == [1, 0, 5, None]
        assert "set false = ['no'] for this column to read it as 0" in made.refused[0][1]


def test_any_spelling_has_the_digits_of_any_script() -> None:
    texts: list[str | None] = ["\uff11\uff12", "\u0661٢", "\u0661٢\u066b\u0665", "1.5D+03", "- 5", "\u096b"]
    assert read(texts, type="float64", spelling="any").values.to_pylist() == [12, 12, 12.5, 1500, -5, 5]
    assert read(["\uff11\uff12", "\u22125"], type="int64", spelling="any").values.to_pylist() == [12, -5]
    assert read(["\u22125", "\u20135"], type="float64").values.to_pylist() == [-5, -5]
    assert read(["\u22125"], type="int64").refused


def test_one_space_and_one_apostrophe_stand_for_all() -> None:
    spaces: list[str | None] = ["1\u2009234", "1\u00a0234", "1 234", "1\u2007234", "12\u202f345"]
    assert read(spaces, type="int64", thousands=" ").values.to_pylist() == [1234] * 4 + [12345]
    marks: list[str | None] = ["1'234", "1\u2019234", "1\u00b4234"]
    assert read(marks, type="float64", thousands="'").values.to_pylist() == [1234] * 3


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("1.2K", "set units = { 'K' = 1000 }"),
        ("3.00 DR", "set units = { 'DR' = -1, 'CR' = 1 }"),
        ("5\u2030", "set units = { '\u2030' = 0.001 }"),
        ("<5", "set units = { '<' = 1 }"),
        ("1\u2009234,5", "set thousands = ' ', decimal = ','"),
        ("1\u2019234", 'set thousands = "\'"'),
        (",5", "set decimal = ','"),
        ("12.5+", "set negative = 'trailing'"),
        ("\uff11\uff12", "set spelling = 'any'"),
        ("true", "set true = ['true']"),
        ("#DIV/0!", "add '#DIV/0!' to null"),
        ("1.#QNAN", "add '1.#QNAN' to null"),
    ],
)
def test_a_number_that_is_not_read_names_the_setting_that_reads_it(text: str, setting: str) -> None:
    for kind in ("float64", "int64"):
        assert setting in read([text], type=kind).refused[0][1]


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({"duration_unit": "s"}, [3930.0, 300.0, 183_845.5, 7.5, None]),
        ({"duration_unit": "min"}, [65.5, 5.0, 3064.0916666666667, 7.5, None]),
        ({"duration_unit": "ns"}, [3.93e12, 3e11, 1.838455e14, 7.5, None]),
    ],
)
def test_durations_are_numbers_of_a_unit(settings: dict[str, Any], numbers: list[float | None]) -> None:
    found = read(["1:05:30", "PT5M", "2 days 03:04:05.5", "7.5", None], type="float64", **settings)
    assert not found.refused
    assert found.values.to_pylist() == numbers
    # what is decoded are numbers, which the same column reads again
    again = read([None if number is None else repr(number) for number in numbers], type="float64", **settings)
    assert again.values.to_pylist() == numbers


def test_durations_in_a_column_of_whole_numbers_are_whole() -> None:
    found = read(["05:30", "0:00:00.5", "12"], type="int64", duration_unit="s", duration_clock="m:ss")
    assert found.values.to_pylist() == [330, None, 12]
    assert "set type = 'float64'" in found.refused[0][1]


def test_a_refused_duration_names_the_setting_that_reads_it() -> None:
    (_, plain), (_, iso) = read(["1:05:30", "PT5M"], type="float64").refused
    assert plain.endswith("; set duration_unit = 's' for this column to read durations")
    assert iso.endswith("; set duration_unit = 's' for this column to read durations")
    (_, short) = read(["05:30"], type="float64", duration_unit="s").refused[0]
    assert short.endswith("; set duration_clock = 'm:ss' (or 'h:mm') for this column to read durations")
    with pytest.raises(SchemaError, match="duration_clock: needs a duration_unit"):
        Reader((Column("a", "float64", duration_clock="m:ss"),))
    assert Reader((Column("a", "float64", duration_clock="m:ss"),), duration_unit="s").settled[0].duration_unit == "s"


def test_marks_without_a_width_are_trimmed_too() -> None:
    texts: list[str | None] = ["\ufeff5", "\u200f 6 \u200b", "7\u00a0", "8"]
    assert read(texts, type="int64", trim=True).values.to_pylist() == [5, 6, 7, 8]
    refused = read(texts, type="int64").refused
    assert [row for row, reason in refused if reason.endswith("; set trim = true for this column")] == [0, 1, 2]
    assert read(["\ufeffx\u200b"], trim=True).values.to_pylist() == ["x"]


@pytest.mark.parametrize("text", ["10-20", "1/2", "0x1F", "1.5*10^3", "12a4"])
def test_text_that_is_more_than_a_missing_value_is_not_called_one(text: str) -> None:
    ((_, reason),) = read([text], type="float64").refused
    assert reason.endswith("; text is kept by a column of type 'string', for a categorical field")
