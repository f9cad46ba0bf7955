from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError, SourceError
from domaintoolkit.reading import Quarantine, open_source
from domaintoolkit.schema import Column, Reader

COLUMNS = (
    Column("s"),
    Column("i", "int64"),
    Column("f", "float64"),
    Column("b", "bool"),
    Column("t", "timestamp"),
    Column("d", "date"),
)
SCHEMA = pa.schema(
    [
        ("s", pa.string()),
        ("i", pa.int64()),
        ("f", pa.float64()),
        ("b", pa.bool_()),
        ("t", pa.timestamp("us", "UTC")),
        ("d", pa.date32()),
    ]
)
TIMES = st.datetimes(datetime(2, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC))
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(max_size=4),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.none() | TIMES,
        st.none() | st.dates(),
    ).map(lambda row: dict(zip(SCHEMA.names, row, strict=True)))
)


def write(table: pa.Table, path: Path, form: str, rows: int) -> None:
    if form == "parquet":
        pa.parquet.write_table(table, path, row_group_size=rows)
    else:
        make = pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream
        with make(str(path), table.schema) as writer:
            writer.write_table(table, max_chunksize=rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("columnar")


@pytest.mark.slow
@given(ROWS, st.sampled_from(["parquet", "arrow", "stream"]), st.integers(1, 5), st.booleans(), st.sampled_from([1, 2]))
def test_typed_files_come_back(
    folder: Path, rows: list[dict[str, Any]], form: str, group: int, as_text: bool, threads: int
) -> None:
    table = pa.Table.from_pylist(rows, SCHEMA)
    if as_text:
        table = pa.table(
            {name: table[name] if name == "t" else table[name].cast(pa.large_string()) for name in SCHEMA.names}
        )
    write(table, folder / "typed", form, group)
    source = open_source(folder / "typed", Reader(COLUMNS))
    found, numbers = [], []
    for batch in source.batches(threads=threads):
        assert batch.records.schema == source.schema() == SCHEMA
        found += batch.records.to_pylist()
        numbers += batch.rows.tolist()
    assert found == rows
    assert numbers == list(range(len(rows)))


def one(array: pa.Array, folder: Path, **column: Any) -> tuple[list[Any], dict[int, str], pa.DataType]:
    """What a column of one array is read as, and what is refused of it."""
    pa.parquet.write_table(pa.table({"c": array}), folder / "one.parquet")
    kept = []

    class Kept:
        def add(self, rows: Any) -> None:
            kept.extend(rows)

    batches = list(open_source(folder / "one.parquet", Reader((Column("c", **column),))).batches(refused=Kept()))
    values = [value for batch in batches for value in batch.records["c"].to_pylist()]
    return values, {row.row: row.problems[0][1] for row in kept}, batches[0].records.schema.types[0]


def test_dictionaries_stay_dictionaries(tmp_path: Path) -> None:
    array = pa.array(["a", None, "b", "a"]).dictionary_encode()
    values, _, found = one(array, tmp_path)
    assert values == ["a", None, "b", "a"]
    assert pa.types.is_dictionary(found)
    assert one(array, tmp_path, type="string")[1] == {}
    values, refused, _ = one(pa.array(["5", "x", None, "x"]).dictionary_encode(), tmp_path, type="int64")
    reason = "expected an integer, got 'x'; if it stands for a missing value, add 'x' to null"
    assert (values, refused) == ([5, None], dict.fromkeys([1, 3], reason))


@pytest.mark.parametrize(
    ("array", "type", "values", "refused"),
    [
        (pa.array([1.0, 2.5, math.nan, None]), "int64", [1, None], [1, 2]),
        (pa.array([Decimal("3"), Decimal("3.5")], pa.decimal128(5, 1)), "int64", [3], [1]),
        (pa.array([1, 2**63], pa.uint64()), "int64", [1], [1]),
        (pa.array([2**53, 2**53 + 1, None]), "float64", [2.0**53, 2.0**53, None], []),
        (pa.array([True, None]), "float64", [1.0, None], []),
        (pa.array([0, 1, 2, None]), "bool", [False, True, None], [2]),
        (pa.array([7, None]), "string", ["7", None], []),
        (pa.array([None, None], pa.null()), "timestamp", [None, None], []),
        (pa.array([date(2019, 10, 1)]), "timestamp", [datetime(2019, 10, 1, tzinfo=UTC)], []),
        (
            pa.array([1_000, 1_001], pa.timestamp("ns")),
            "timestamp",
            [datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)],
            [1],
        ),
        (pa.array([1], pa.timestamp("s")), "timestamp", [datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)], []),
        (pa.array([b"ok", b"\xff"]), "string", ["ok"], [1]),
    ],
)
def test_casts_lose_nothing(tmp_path: Path, array: pa.Array, type: str, values: list[Any], refused: list[int]) -> None:
    found, wrong, _ = one(array, tmp_path, type=type)
    assert (found, sorted(wrong)) == (values, refused)


def test_local_times_are_read_in_the_zone(tmp_path: Path) -> None:
    array = pa.array([datetime(2019, 10, 1, 2), datetime(2019, 3, 31, 2, 30)], pa.timestamp("ms"))
    values, refused, _ = one(array, tmp_path, type="timestamp", zone="Europe/Berlin")
    assert values == [datetime(2019, 10, 1, tzinfo=UTC)]
    assert "does not exist in Europe/Berlin" in refused[1]


def test_a_refused_row_is_kept_as_json(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"a": ["1", "x"], "b": [b"\xff", b"y"]}), tmp_path / "x.parquet")
    source = open_source(tmp_path, Reader((Column("b"), Column("a", "int64"))))
    with Quarantine(tmp_path / "q.jsonl") as quarantine:
        assert list(source.batches(refused=quarantine)) == []
    assert quarantine.total == 2
    assert r'"{\"b\": \"\\\\xff\", \"a\": \"1\"}"' in (tmp_path / "q.jsonl").read_text()
    with pytest.raises(DataError, match="row 1, column 'a': expected an integer, got 'x'"):
        list(source.batches())


def test_columns_of_another_type_or_missing_are_named(tmp_path: Path) -> None:
    pa.parquet.write_table(pa.table({"a": [[1]], "b": [1.5]}), tmp_path / "x.parquet")
    with pytest.raises(SourceError, match=r"'a': expected int64, found list<.*'b': expected timestamp, found double"):
        list(open_source(tmp_path, Reader((Column("a", "int64"), Column("b", "timestamp")))).batches())
    with pytest.raises(SourceError, match=r"'c'.*headers are 'a', 'b'"):
        list(open_source(tmp_path, Reader((Column("c"),))).batches())


@pytest.mark.parametrize("form", ["parquet", "arrow"])
def test_a_file_cut_short_is_refused(tmp_path: Path, form: str) -> None:
    write(pa.table({"c": list(range(1000))}), tmp_path / "x", form, 100)
    whole = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SourceError, match="damaged, cut short"):
        list(open_source(tmp_path / "x", Reader((Column("c", "int64"),))).batches())
