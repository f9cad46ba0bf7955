"""Tables of every kind, and columns of types that were not there at fitting."""

from __future__ import annotations

import enum
import warnings
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from domaintoolkit.errors import DataError, LookupFailedError
from domaintoolkit.schema import Categorical, Numeric, Schema, Text, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer

FIELDS = (Categorical("what"), Numeric("price", bins=4), Text("note", vocabulary_size=10), Timestamp("due"))
SCHEMA = Schema(entity=("user",), time="at", fields=(*FIELDS, Timestamp("at")))
DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
TABLE = pa.table({
    "user": ["a", "b", "a"], "at": DAYS, "what": ["x", None, "y"], "price": [1.5, 2.5, None],
    "note": ["one", None, "two"], "due": [DAYS[0], None, DAYS[1]],
})  # fmt: skip


def round_trip(tokenizer: DomainTokenizer, table: Any) -> pa.Table:
    streams = tokenizer.encode(table)
    again = tokenizer.decode(streams)
    assert np.array_equal(tokenizer.encode(again).ids, streams.ids)
    return again


def test_views_in_every_column_as_polars_gives_them() -> None:
    text = [name for name in TABLE.column_names if TABLE[name].type == pa.string()]
    viewed = TABLE.cast(pa.schema([(n, pa.string_view() if n in text else TABLE[n].type) for n in TABLE.column_names]))
    tokenizer = DomainTokenizer(SCHEMA).fit(TABLE)
    assert DomainTokenizer(SCHEMA).fit(viewed).vocabulary.hash == tokenizer.vocabulary.hash
    assert round_trip(tokenizer, viewed).to_pylist() == round_trip(tokenizer, TABLE).to_pylist()


def test_a_data_set_of_hugging_face() -> None:
    datasets: Any = pytest.importorskip("datasets")
    tokenizer = DomainTokenizer(SCHEMA).fit(TABLE)
    rows = datasets.Dataset(TABLE).shuffle(seed=1)  # the order of a view
    assert np.array_equal(tokenizer.encode(rows).ids, tokenizer.encode(TABLE).ids)
    own = rows.filter(lambda row: row["user"] == "a")
    assert np.array_equal(tokenizer.encode_entity(own), tokenizer.encode(TABLE)[0])


@pytest.mark.parametrize("rows", [3, 0])
def test_fitted_on_columns_without_values(rows: int) -> None:
    empty = pa.table({name: pa.nulls(rows) for name in TABLE.column_names})
    if rows:
        empty = empty.set_column(0, "user", TABLE["user"]).set_column(1, "at", TABLE["at"])
    again = round_trip(DomainTokenizer(SCHEMA).fit(empty), TABLE)
    assert again["what"].to_pylist() == ["x", "y", None]
    assert again["note"].to_pylist() == ["one", "two", None]


@pytest.mark.parametrize("kind", [pa.decimal128(9, 2), pa.decimal256(9, 2), pa.decimal256(60, 2)])
def test_decimals_are_loaded_as_they_were_saved(kind: pa.DataType, tmp_path: Path) -> None:
    table = TABLE.set_column(3, "price", TABLE["price"].cast(kind))
    tokenizer = DomainTokenizer(SCHEMA).fit(table)
    tokenizer.save(tmp_path / "tokenizer")
    assert round_trip(DomainTokenizer.load(tmp_path / "tokenizer"), table)["price"].type == kind


def test_columns_of_other_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"equally long: .*'price' has 1"):
        DomainTokenizer(SCHEMA).fit({**TABLE.to_pydict(), "price": [1.0]})


def test_nested_values_are_refused() -> None:
    lists = pa.array([["x"], [], None])
    with pytest.raises(DataError, match=r"'user': values of type .* cannot be keys"):
        DomainTokenizer(SCHEMA).fit(TABLE.set_column(0, "user", lists))
    with pytest.raises(DataError, match=r"values of type list.* cannot be categories"):
        DomainTokenizer(SCHEMA).fit(TABLE).encode(TABLE.set_column(2, "what", lists))


def test_a_way_with_bad_rows_that_there_is_not() -> None:
    tokenizer = DomainTokenizer(Schema(entity=("user",), fields=(Categorical("a"),)))
    with pytest.raises(LookupFailedError, match="error, quarantine"):
        tokenizer.fit({"user": [1], "a": ["x"]}, on_bad_rows="skip")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "read"),
    [
        ([1, "a", pd.NA], ["1", "a", None]),
        ([1, "a", float("nan")], ["1", "a", None]),
        ([2**70, 1, None], [str(2**70), "1", None]),
        ([True, 2, 1.50], ["true", "2", "1.5"]),
        ([date(2024, 1, 5), Decimal(2), None], ["2024-01-05", "2", None]),
        ([date(2024, 1, 5), datetime(2024, 1, 5, 7), None], ["2024-01-05", "2024-01-05T07:00:00", None]),
        ([1.5, Decimal("2.50"), 2**60 + 1], ["1.5", "2.5", str(2**60 + 1)]),
    ],
)
def test_pandas_columns_of_mixed_values_are_text(values: list[Any], read: list[str | None]) -> None:
    frame = TABLE.to_pandas().assign(what=pd.Series(values, dtype=object), user="a")
    assert round_trip(DomainTokenizer(SCHEMA).fit(frame), frame)["what"].to_pylist() == read


def test_complex_numbers_of_pandas_are_no_numbers() -> None:
    with pytest.raises(DataError, match="a value of type complex is not text, a number or a time"):
        DomainTokenizer(SCHEMA).fit(TABLE.to_pandas().assign(price=[1j, 2j, 3j]))


def test_pandas_columns_with_numbers_for_names() -> None:
    frame = pd.DataFrame([[7, "x"]])
    schema = Schema(entity=("0",), fields=(Categorical("1"),))
    assert round_trip(DomainTokenizer(schema).fit(frame), frame).to_pylist() == [{"0": 7, "1": "x"}]


def test_columns_that_are_not_needed_may_be_of_any_kind() -> None:
    frame = pl.from_arrow(TABLE)
    assert isinstance(frame, pl.DataFrame)
    odd = frame.with_columns(huge=pl.lit(1, pl.Int128), thing=pl.Series([object()] * 3, dtype=pl.Object))
    assert DomainTokenizer(SCHEMA).fit(odd).vocabulary.hash == DomainTokenizer(SCHEMA).fit(TABLE).vocabulary.hash
    with pytest.raises(DataError, match="column 'user': values that Arrow has no type for"):
        DomainTokenizer(SCHEMA).fit(odd.with_columns(user=pl.lit(1, pl.Int128)))


def test_runs_as_parquet_and_dataframes_encode_them() -> None:
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["x", "y"]))
    table = TABLE.set_column(2, "what", runs).set_column(0, "user", runs)
    assert round_trip(DomainTokenizer(SCHEMA).fit(table), table)["what"].to_pylist() == ["x", "x", "y"]


def test_what_duckdb_gives() -> None:
    rows = TABLE
    with duckdb.connect() as connection:
        connection.register("events", rows)
        relation = connection.sql("select * from events")
        tokenizer = DomainTokenizer(SCHEMA).fit(relation)
        assert tokenizer.vocabulary.hash == DomainTokenizer(SCHEMA).fit(rows).vocabulary.hash
        result = connection.execute("select * from events")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # DuckDB 2 advises the relation
            assert tokenizer.encode(result).events == 3
            with pytest.raises(DataError, match="read already"):
                tokenizer.encode(result)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pl.LazyFrame({"user": [1]}), r"collect\(\)"),
        (pd.Series([1]), "from Series"),
        ([1], r"got a int at \[0\]"),
        ([{"user": 1}, ("user", 1)], r"at \[1\]"),
        (None, "give pandas, polars, Arrow, DuckDB or a list"),
    ],
)
def test_what_is_no_table(table: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        DomainTokenizer(SCHEMA).fit(table)


@pytest.mark.parametrize("pandas", [True, False])
def test_a_time_without_a_zone_is_wall_time_beside_others_that_name_one(pandas: bool) -> None:
    schema = Schema(entity=("user",), time="at", zone="Europe/Berlin", fields=(Timestamp("at", zone="Europe/Berlin"),))
    noon = datetime(2024, 7, 1, 12)
    times = [noon, noon.replace(tzinfo=UTC), noon.replace(tzinfo=ZoneInfo("Asia/Tokyo")), date(2024, 7, 1)]
    rows: dict[str, list[Any]] = {"user": [1, 2, 3, 4], "at": times}
    table = pd.DataFrame(rows).astype({"at": object}) if pandas else rows
    streams = DomainTokenizer(schema).fit(table).encode(table)
    assert streams.times is not None
    hours = [datetime.fromtimestamp(time / 1e6, UTC).hour for time in streams.times.tolist()]
    assert hours == [10, 12, 3, 22]


def test_text_that_is_not_unicode_is_set_aside_like_any_bad_row() -> None:
    rows = {**TABLE.to_pydict(), "what": ["x", "\ud800", "y"]}
    tokenizer = DomainTokenizer(SCHEMA)
    with pytest.raises(DataError, match=r"(?s)row 1, column 'what': not valid Unicode.*row 2, column 'at'"):
        tokenizer.fit({**rows, "at": [*DAYS[:2], "never"]})
    streams = tokenizer.fit(rows, on_bad_rows="quarantine").encode(rows, on_bad_rows="quarantine")
    assert [refusal.row for refusal in streams.refused] == [1]
    assert (streams.counts.rows_in, streams.events) == (3, 2)


def test_a_column_of_a_wrong_type_is_one_problem() -> None:
    with pytest.raises(DataError, match=r"values of type list.* are not numbers") as caught:
        DomainTokenizer(SCHEMA).fit(TABLE.set_column(3, "price", pa.array([[1], [2], [3]])))
    assert [(refusal.row, refusal.column) for refusal in caught.value.refusals] == [(None, "price")]


def test_nested_labels_are_refused() -> None:
    schema = Schema(entity=("user",), fields=(Categorical("what"),), labels=("tags",))
    with pytest.raises(DataError, match=r"'tags': values of type .* cannot be labels"):
        DomainTokenizer(schema).fit(TABLE.append_column("tags", pa.array([["x"], [], None])))


def test_dictionaries_with_null_among_their_values_are_read_from_several_chunks() -> None:
    chunks = [pa.array(values).dictionary_encode(null_encoding="encode") for values in (["x", None], ["x"])]
    table = TABLE.set_column(2, "what", pa.chunked_array(chunks))
    assert set(round_trip(DomainTokenizer(SCHEMA).fit(table), table)["what"].to_pylist()) == {"x", None}


class Kind(enum.Enum):
    A = 1


SMALL = Schema(entity=("user",), fields=(Categorical("what"), Numeric("price"), Text("note")))
GOOD = {"user": "a", "what": "x", "price": 1.5, "note": "one"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("what", [1], "a value of type list is not text, a number or a time"),
        ("what", {1}, "a value of type set is not"),
        ("what", np.array([1]), r"a value of type ndarray is not .* item\(\)"),
        ("what", Kind.A, "a member of an Enum is not a value: Kind.A; give its value or its name"),
        ("what", object(), "a value of type object is not"),
        ("what", pd.Period("2024-01"), "a value of type Period is not .* start_time"),
        ("what", 1j, "a value of type complex is not"),
        ("what", b"\xff", "not UTF-8: byte 0xff at 0 of .*; write bytes as hexadecimal text"),
        ("what", "a\ud800", "not valid Unicode"),
        ("what", time(1, tzinfo=UTC), "a time of day with a zone: 01:00:00"),
        ("what", np.datetime64(2**40, "D"), ".*is outside the years 1 to 9999"),
        ("note", float("nan"), "a value of type float is not text"),
        ("price", "1,5", "expected a number, got '1,5'"),
    ],
)
def test_an_object_that_is_not_one_value_is_refused_in_every_way(column: str, value: Any, reason: str) -> None:
    rows = [GOOD, {**GOOD, column: value}]
    columns = {name: [row[name] for row in rows] for name in GOOD}
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    tokenizer = DomainTokenizer(SMALL).fit([GOOD])
    # in pandas, NaN is null
    tables: list[Any] = [rows, columns, *([] if value is not value or value != value else [frame])]
    for table in tables:
        for call in (DomainTokenizer(SMALL).fit, tokenizer.encode):
            with pytest.raises(DataError, match=rf"row 1, column '{column}': {reason}"):
                call(table)
        assert tokenizer.encode(table, on_bad_rows="quarantine").events == 1
    with pytest.raises(DataError, match=rf"row 1, column '{column}': {reason}"):
        tokenizer.encode_entity(rows)


@pytest.mark.slow
@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT, np.datetime64("NaT"), pa.scalar(None), np.ma.masked])
@pytest.mark.parametrize("column", ["what", "price", "note"])
def test_what_stands_for_nothing_is_null_in_every_way(column: str, missing: Any) -> None:
    tokenizer = DomainTokenizer(SMALL).fit([GOOD])
    expected = tokenizer.encode_entity([GOOD, {**GOOD, column: None}]).tolist()
    rows = [GOOD, {**GOOD, column: missing}]
    columns = {name: [row[name] for row in rows] for name in GOOD}
    assert tokenizer.encode_entity(rows).tolist() == expected
    assert tokenizer.encode(rows)[0].tolist() == expected
    assert tokenizer.encode(columns)[0].tolist() == expected


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (
            {"user": "ann", "what": "tea"},
            r"'user': expected a list .* got \"'ann'\"; for one row, give \[{...}\]",
        ),
        ({"user": 1, "what": ["tea"]}, "column 'user': expected a list of values, one for each row, got '1'"),
        ({"user": ["ann"], "what": {"tea"}}, "column 'what': expected a list .* got a set, whose values have no rows"),
        ({"user": ["ann"], "what": np.array([["tea"]])}, r"column 'what': .* got an array of shape \(1, 1\)"),
        ({"user": ["ann"], "what": pd.period_range("2024-01", periods=1)}, "(?i)column 'what': .*period"),
    ],
)
def test_a_dictionary_of_what_are_not_columns_is_refused(table: Any, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        DomainTokenizer(Schema(entity=("user",), fields=(Categorical("what"),))).fit(table)


def test_periods_of_pandas_are_not_taken_for_their_ordinal_numbers() -> None:
    periods = pd.Series(pd.period_range("2024-01", periods=3, freq="M"))
    for values in (periods, periods.astype("category"), periods.astype(object)):
        with pytest.raises(DataError, match=r"(?i)period"):
            DomainTokenizer(SCHEMA).fit(TABLE.to_pandas().assign(what=values))


def test_a_tensor_of_one_dimension_is_a_column() -> None:
    torch = pytest.importorskip("torch")
    table = {"user": ["a", "b", "c"], "what": torch.tensor([3, 1, 2])}
    tokenizer = DomainTokenizer(Schema(entity=("user",), fields=(Categorical("what"),)))
    assert round_trip(tokenizer.fit(table), table)["what"].to_pylist() == [3, 1, 2]


def test_a_key_that_is_nan_is_refused() -> None:
    table = pa.table({"user": [1.5, float("nan")], "what": ["x", "y"]})
    with pytest.raises(DataError, match="row 1, column 'user': the entity key is NaN"):
        DomainTokenizer(Schema(entity=("user",), fields=(Categorical("what"),))).fit(table)


@pytest.mark.parametrize(
    "field", [Timestamp("odd", parts=("weekday",)), Numeric("odd"), Text("odd"), Categorical("odd")]
)
def test_a_field_decodes_also_if_all_rows_that_were_fitted_were_refused(field: Any) -> None:
    schema = Schema(entity=("user",), fields=(field,))
    for odd in (pa.array([1, 2], pa.duration("s")), pa.array([[1], [2]]), pa.array([7, 8])):
        tokenizer = DomainTokenizer(schema).fit(pa.table({"user": [1, 2], "odd": odd}), on_bad_rows="quarantine")
        rows = [{"user": 1, "odd": {"timestamp": "2024-01-01", "numeric": "1.5"}.get(field.type, "x")}]
        streams = tokenizer.encode(rows)
        assert np.array_equal(tokenizer.encode(tokenizer.decode(streams)).ids, streams.ids)


def test_a_time_that_python_cannot_hold_is_refused_in_every_way() -> None:
    tokenizer = DomainTokenizer(SCHEMA).fit(TABLE)
    far = pa.array([0, 0, 2**40], pa.timestamp("s"))
    for column in ("at", "due"):
        table = TABLE.set_column(TABLE.schema.get_field_index(column), column, far)
        for call in (tokenizer.encode, tokenizer.encode_entity, DomainTokenizer(SCHEMA).fit):
            with pytest.raises(DataError, match=f"row 2, column '{column}': .* is outside the years 1 to 9999"):
                call(table)


def test_one_history_needs_no_key_in_any_kind_of_table_and_has_one_key() -> None:
    schema = Schema(entity=("shop", "user"), fields=(Categorical("what"),))
    tokenizer = DomainTokenizer(schema, threads=1).fit({"shop": [1, 1], "user": ["a", "b"], "what": ["x", "y"]})
    ids = tokenizer.encode_entity([{"what": "x"}, {"what": "y"}]).tolist()
    keys = {"shop": [1, 1], "user": ["a", "a"]}
    for given in ({}, keys, {"shop": ["1", 1], "user": ["a", None]}):
        columns = {"what": ["x", "y"], **given}
        rows = [{name: values[row] for name, values in columns.items()} for row in (0, 1)]
        for table in (pd.DataFrame(columns), rows):
            assert tokenizer.encode_entity(table).tolist() == ids
    for table in (pl.DataFrame({"what": ["x", "y"], **keys}), pa.table({"what": ["x", "y"]})):
        assert tokenizer.encode_entity(table).tolist() == ids
    several = {"what": ["x", "y"], "shop": [1, 1], "user": ["a", "b"]}
    for table in (pd.DataFrame(several), pd.DataFrame(several).to_dict("records")):
        with pytest.raises(
            DataError, match="column 'user': the rows of one history have one key, and here are 'a' and"
        ):
            tokenizer.encode_entity(table)


def test_a_column_in_the_index_of_a_frame_is_pointed_out() -> None:
    frame = pd.DataFrame({"user": ["a"], "what": ["x"]}).set_index("user")
    with pytest.raises(DataError, match=r"'what'; 'user' is in the index of the frame: call its reset_index\(\)"):
        DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit(frame)


@pytest.mark.parametrize(
    "count", [1704067200000, "1704067200000", 1704067200000.0, 1704067200000000, 1704067200 * 10**9]
)
def test_a_count_of_another_unit_is_refused_with_that_unit(count: Any) -> None:
    schema = Schema(entity="user", time="at", time_unit="s", fields=[Timestamp("at")])
    unit = {13: "ms", 16: "us", 19: "ns"}[len(str(int(count)))]
    with pytest.raises(DataError, match=f'; with time_unit = "{unit}" it is 2024-01-01. is outside the years'):
        DomainTokenizer(schema).fit({"user": [1], "at": [count]})


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("us")])
def test_a_category_that_is_no_date_of_the_calendar_decodes_to_its_text(kind: pa.DataType) -> None:
    schema = Schema(entity="user", fields=[Categorical("due")])
    fitted = {"user": [1], "due": pa.array([date(2024, 1, 1)]).cast(kind)}
    tokenizer = DomainTokenizer(schema, threads=1).fit(fitted)
    again = round_trip(tokenizer, {"user": [1, 1], "due": ["0000-01-01", "2024-01-01"]})
    assert again["due"].to_pylist() == ["0000-01-01", "2024-01-01"]


@pytest.mark.parametrize("values", [[1.5, 2.5, 3.5], [1, 2, 3], ["a", "b", "c"], np.array(DAYS, "datetime64[us]")])
def test_masked_values_of_numpy_are_null(values: Any) -> None:
    column = np.ma.MaskedArray(values, mask=[False, True, False])
    schema = Schema(entity="user", fields=[Categorical("what")])
    again = DomainTokenizer(schema, threads=1).fit({"user": [1] * 3, "what": values})
    found = again.decode(again.encode({"user": [1] * 3, "what": column}))["what"].to_pylist()
    assert found == [np.asarray(values)[0].item(), None, np.asarray(values)[2].item()]
