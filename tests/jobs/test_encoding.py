"""Encoding in parts: the streams are those of the tokenizer, in the same bytes however the work is cut."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, bad_table, contents, events
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError, OutputError, SourceError
from domaintoolkit.jobs import append, decode, verify
from domaintoolkit.jobs.encoding import encode
from domaintoolkit.jobs.fitting import fit
from domaintoolkit.jobs.partition import spill
from domaintoolkit.jobs.partition.row_source import TableSource
from domaintoolkit.reading.source import open_source
from domaintoolkit.schema import Categorical, Column, Reader, Schema, Split
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.streams.keys import SPLITS, hash_keys, shard_of, split_of
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(3000)
TOKENIZER = DomainTokenizer(SCHEMA, threads=1).fit(TABLE)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """All files of one plain run of four shards."""
    folder = tmp_path_factory.mktemp("reference") / "out"
    encode(TOKENIZER, TABLE, folder, shards=4, threads=1)
    return contents(folder)


def test_streams_are_those_of_the_tokenizer(tmp_path: Path) -> None:
    result = encode(TOKENIZER, TABLE, tmp_path / "out", shards=4)
    streams = TOKENIZER.encode(TABLE)
    places = {key: number for number, key in enumerate(streams.entities["user"].to_pylist())}
    encoded = open_encoded(tmp_path / "out")
    seen = 0
    for number in range(4):
        table = encoded.table(number)
        hashes = hash_keys(table.select(["user"]))
        assert np.all(shard_of(hashes, 4) == number)
        assert np.all(hashes[:-1] < hashes[1:])
        for row, split in zip(table.to_pylist(), split_of(hashes).tolist(), strict=True):
            at = places[row["user"]]
            low, high = streams.event_offsets[at : at + 2].tolist()
            assert row["ids"] == streams[at].tolist()
            assert row["event_starts"] == (streams.event_starts[low:high] - streams.offsets[at]).tolist()
            assert row["times"] == streams.times[low:high].tolist()  # type: ignore[index]
            assert row["labels"]["bought"] == streams.labels["bought"][low:high].to_pylist()  # type: ignore[index]
            assert row["last_session"] == streams.last_session[at].as_py()  # type: ignore[index]
            assert row["split"] == SPLITS[split]
            seen += 1
    assert seen == len(streams) == result.manifest.totals["entities"]
    assert result.counts == streams.counts
    assert DomainTokenizer.load(encoded.tokenizer_folder).vocabulary.hash == TOKENIZER.vocabulary.hash


@pytest.mark.slow
@given(
    shuffle=st.booleans(),
    threads=st.integers(1, 2),
    batch=st.sampled_from([7, 100, 5000]),
    piece=st.sampled_from([50, 1 << 18]),
    memory=st.sampled_from(["1MB", "100kB", "2GB"]),
    coded=st.booleans(),
)
def test_bytes_do_not_depend_on_how_the_work_is_cut(
    reference: dict[str, bytes], shuffle: bool, threads: int, batch: int, piece: int, memory: str, coded: bool
) -> None:
    table = TABLE.take(np.random.default_rng(1).permutation(TABLE.num_rows)) if shuffle else TABLE
    if coded:
        table = table.set_column(5, "brand", table["brand"].dictionary_encode())
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "PIECE", piece)
        encode(
            TOKENIZER, TableSource(SCHEMA, table, batch), Path(name) / "out", shards=4, threads=threads, memory=memory
        )
        assert contents(Path(name) / "out") == reference


def test_files_give_the_same_shards_as_the_table(tmp_path: Path, reference: dict[str, bytes]) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "events.parquet", row_group_size=500)
    with pa.csv.CSVWriter(tmp_path / "events.csv", TABLE.schema) as writer:
        writer.write_table(TABLE)
    for name in ("events.parquet", "events.csv"):
        out = tmp_path / f"{name}.out"
        result = encode(TOKENIZER, open_source(tmp_path / name, READER), out, shards=4)
        files = contents(out)
        assert result.manifest.reader is not None
        assert all(files[path] == data for path, data in reference.items() if path != "manifest.json")


@pytest.mark.slow
def test_an_entity_larger_than_its_budget(tmp_path: Path) -> None:
    table = events(2000, users=1)
    encode(TOKENIZER, table, tmp_path / "small", memory="20kB")
    encode(TOKENIZER, table, tmp_path / "large")
    assert contents(tmp_path / "small") == contents(tmp_path / "large")


@pytest.mark.slow
def test_the_parted_rows_go_where_they_are_told_and_leave_nothing(tmp_path: Path) -> None:
    seen: list[int] = []

    def look(stage: str, done: int, total: int | None) -> None:
        seen.append(len(list((tmp_path / "temporary").rglob("*.rows"))))

    temporary = tmp_path / "temporary"
    encode(TOKENIZER, TABLE, tmp_path / "out", memory="10kB", temporary=temporary, progress=look)
    assert max(seen) > 0
    assert list(temporary.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md",
        "manifest.json",
        "shards",
        "tokenizer",
    ]


def test_bad_rows_are_all_named_and_leave_nothing(tmp_path: Path) -> None:
    pa.parquet.write_table(bad_table(TABLE), tmp_path / "bad.parquet")
    with pytest.raises(DataError) as caught:
        encode(TOKENIZER, open_source(tmp_path / "bad.parquet", READER), tmp_path / "out", shards=8)
    assert [(refusal.row, refusal.column) for refusal in caught.value.refusals] == [(5, "user"), (9, "at")]
    assert str(tmp_path / "bad.parquet") in str(caught.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_quarantined_rows_go_to_a_file_and_the_rest_is_encoded(tmp_path: Path) -> None:
    pa.parquet.write_table(bad_table(TABLE), tmp_path / "bad.parquet")
    source = open_source(tmp_path / "bad.parquet", READER)
    result = encode(TOKENIZER, source, tmp_path / "out", shards=8, on_bad_rows="quarantine", memory="50kB")
    assert result.quarantine == tmp_path / "out" / "quarantine.csv"
    rows = pa.csv.read_csv(result.quarantine).to_pylist()
    assert [(row["row"], row["column"]) for row in rows] == [(5, "user"), (9, "at")]
    assert (result.counts.rows_in, result.counts.rows_refused) == (3000, 2)
    assert result.manifest.totals["events"] == 2998


def test_static_fields_that_change_are_named_with_both_rows(tmp_path: Path) -> None:
    schema = Schema(entity="user", time="at", static=(Categorical("brand"),), fields=(Categorical("what"),))
    users = pa.array(np.arange(3000) % 1000)
    brands = pa.array(["acme"] * 2500 + ["brio"] + ["acme"] * 499)
    table = TABLE.set_column(0, "user", users).set_column(5, "brand", brands).sort_by("at")
    wrong = table["brand"].to_pylist().index("brio")
    same = [row for row, user in enumerate(table["user"].to_pylist()) if user == 500]
    tokenizer = DomainTokenizer(schema, threads=1).fit(TABLE)
    with pytest.raises(DataError) as caught:
        encode(tokenizer, table, tmp_path / "out", shards=8)
    named = {refusal.row: refusal.reason for refusal in caught.value.refusals}
    assert set(named) == {wrong}
    other = next(row for row in same if row != wrong)
    assert named[wrong].endswith(f"'brio' here, and 'acme' in most rows of the same entity (row {other})")


def test_static_fields_that_differ_between_files_are_named_with_the_other_file(tmp_path: Path) -> None:
    schema = Schema(entity="user", time="at", static=(Categorical("land"),), fields=(Categorical("what"),))
    header = "user,at,land,what\n"
    (tmp_path / "a.csv").write_text(header + "1,2024-01-01,de,x\n2,2024-01-01,de,x\n")
    (tmp_path / "b.csv").write_text(header + "2,2024-01-02,de,x\n1,2024-01-02,fr,x\n")
    source = open_source(
        [tmp_path / "a.csv", tmp_path / "b.csv"], Reader(tuple(map(Column, header.split()[0].split(","))))
    )
    tokenizer = fit(schema, source).tokenizer
    with pytest.raises(DataError) as caught:
        encode(tokenizer, source, tmp_path / "out")
    (refusal,) = caught.value.refusals
    assert (refusal.source, refusal.row, refusal.line) == (str(tmp_path / "b.csv"), 1, 3)
    assert refusal.reason.endswith(f"'de' in most rows of the same entity ({tmp_path / 'a.csv'}, row 0)")


@pytest.mark.slow
def test_a_run_of_rows_without_a_key_is_quarantined(tmp_path: Path) -> None:
    """All rows of some batches are bad for one reason, which is not a reason to refuse the table."""
    lines = [f"{number % 50 if number < 3000 else ''},2024-01-01,x" for number in range(6000)]
    (tmp_path / "keys.csv").write_text("\n".join(["user,at,what", *lines]) + "\n")
    schema = Schema(entity="user", time="at", fields=(Categorical("what"),))
    source = open_source(tmp_path / "keys.csv", Reader(tuple(map(Column, ("user", "at", "what")))))
    fitted = fit(schema, source, on_bad_rows="quarantine", training_only=False)
    assert (fitted.rows_refused, fitted.rows_fitted) == (3000, 3000)
    result = encode(fitted.tokenizer, source, tmp_path / "out", on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused) == (6000, 3000)
    with pytest.raises(DataError) as caught:
        fit(schema, source)
    assert caught.value.total == 3000
    assert (caught.value.refusals[0].row, caught.value.refusals[0].line) == (3000, 3002)


def test_a_table_of_refused_rows_is_an_error_also_with_quarantine(tmp_path: Path) -> None:
    bad = TABLE.slice(0, 4).set_column(0, "user", pa.nulls(4, pa.int64()))
    with pytest.raises(DataError, match="all 4 rows were refused, so nothing was encoded") as caught:
        encode(TOKENIZER, bad, tmp_path / "out", on_bad_rows="quarantine")
    assert [refusal.row for refusal in caught.value.refusals] == [None, 0, 1, 2, 3]
    assert not (tmp_path / "out").exists()


def test_a_schema_that_orders_nothing_is_noted(tmp_path: Path) -> None:
    for number, (order_by, notes) in enumerate([((), 1), ("user", 1), ("price", 0)]):
        schema = Schema(entity="user", order_by=order_by, fields=(Categorical("what"),))
        result = encode(DomainTokenizer(schema, threads=1).fit(TABLE), TABLE, tmp_path / str(number))
        assert len([note for note in result.notes if "order of the rows" in note]) == notes


def test_no_rows_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there are no rows to encode"):
        encode(TOKENIZER, TABLE.slice(0, 0), tmp_path / "out")


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match=r"already holds something else \(letter\.txt\)"):
        encode(TOKENIZER, TABLE, tmp_path)
    encode(TOKENIZER, TABLE, tmp_path / "out")
    before = contents(tmp_path)
    with pytest.raises(OutputError, match="already holds an encoded folder"):
        encode(TOKENIZER, TABLE, tmp_path / "out")
    assert contents(tmp_path) == before


def test_a_second_run_on_one_folder_is_refused(tmp_path: Path) -> None:
    with lock_folder(tmp_path), pytest.raises(OutputError, match="another run is writing to it"):
        encode(TOKENIZER, TABLE, tmp_path)


def test_a_vanished_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.parquet"):
        open_source(tmp_path / "gone.parquet", READER)


@pytest.mark.parametrize("memory", ["much", "-1GB", "0", "0GB", "3", "3i", True])
def test_memory_that_is_no_size_is_refused(tmp_path: Path, memory: Any) -> None:
    with pytest.raises(ValueError, match="expected a size such as '2GB'"):
        encode(TOKENIZER, TABLE, tmp_path / "out", memory=memory)


SPLITTING = {
    "who": ["a", "a", "b", "b", "c"],
    "at": ["2024-01-01", "2024-02-01", "2024-01-01", "2024-03-01", "2024-01-31 23:59:59"],
    "set": ["prior", "eval", "prior", "prior", "last"],
    "what": ["x", "y", "x", "z", "x"],
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("split", "expected"),
    [
        (Split(validation_from="2024-02-01", test_from="2024-03-01"), {"c": "train", "a": "validation", "b": "test"}),
        (Split(test_from="2024-02-01"), {"c": "train", "a": "test", "b": "test"}),
        (Split(column="set", train=["prior"], validation=["eval"], test=["last"]),
         {"b": "train", "a": "validation", "c": "test"}),
    ],
)  # fmt: skip
def test_entities_are_split_by_their_last_event(tmp_path: Path, split: Split, expected: dict[str, str]) -> None:
    schema = Schema(entity="who", time="at", fields=(Categorical("what"),), split=split)
    rows = pa.table(SPLITTING)
    fitted = fit(schema, rows)
    encode(fitted.tokenizer, rows, tmp_path / "once", shards=1)
    encode(fitted.tokenizer, rows.filter(pc.less(rows["at"], "2024-01-15")), tmp_path / "parts", shards=1)
    append(tmp_path / "parts", rows.filter(pc.greater(rows["at"], "2024-01-15")))
    for name in ("once", "parts"):
        table = open_encoded(tmp_path / name).table(0)
        assert dict(zip(table["who"].to_pylist(), table["split"].to_pylist(), strict=True)) == expected
        assert verify(tmp_path / name, rows, threads=1).problems == ()
    assert open_encoded(tmp_path / "once").table(0).equals(open_encoded(tmp_path / "parts").table(0))
    assert fitted.fitted_on == "train"
    # fitting saw only rows that are for training
    assert "[what=y]" not in fitted.tokenizer.vocabulary.names
    moved = rows.set_column(1, "at", pa.array(["2024-03-09"] * 5)).set_column(2, "set", pa.array(["last"] * 5))
    assert "in another split" in " ".join(verify(tmp_path / "once", moved, threads=1).problems)
    decode(tmp_path / "once", tmp_path / "rows.parquet")
    encode(fitted.tokenizer, pyarrow.parquet.read_table(tmp_path / "rows.parquet"), tmp_path / "again", shards=1)


def test_a_row_in_no_split_is_refused(tmp_path: Path) -> None:
    schema = Schema(entity="who", time="at", fields=(Categorical("what"),), split=Split(column="set", train=["prior"]))
    with pytest.raises(DataError, match="'eval' is in no split; the values are: 'prior'") as caught:
        encode(DomainTokenizer(schema).fit(SPLITTING, "quarantine"), pa.table(SPLITTING), tmp_path / "out")
    assert [refusal.row for refusal in caught.value.refusals] == [1, 4]
