"""Rows that are in a folder already, and are appended again: by themselves, in their file, or among others."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, contents, events, rows_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import append, encode, verify
from domaintoolkit.reading import open_source
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(600, users=30)
TOKENIZER = DomainTokenizer(SCHEMA, threads=1).fit(TABLE)


def test_the_same_rows_are_not_appended_twice(tmp_path: Path) -> None:
    in_time = TABLE.sort_by("at")
    encode(TOKENIZER, in_time.slice(0, 300), tmp_path)
    append(tmp_path, in_time.slice(300, 100))
    before = contents(tmp_path)
    for rows in (in_time.slice(300, 100), in_time.slice(300, 100).take(pa.array(np.arange(100)[::-1]))):
        with pytest.raises(DataError, match="these 100 rows were appended before"):
            append(tmp_path, rows)
    assert contents(tmp_path) == before
    append(tmp_path, in_time.slice(400))


@pytest.mark.slow
@pytest.mark.parametrize("rewrite", [False, True])
@pytest.mark.parametrize("shortest", [1, 12])
def test_rows_that_were_encoded_are_not_appended(tmp_path: Path, rewrite: bool, shortest: int) -> None:
    tokenizer = DomainTokenizer(replace(SCHEMA, min_events=shortest), threads=1).fit(TABLE)
    in_time = TABLE.sort_by("at")
    first = in_time.slice(0, 300)
    encode(tokenizer, first, tmp_path, shards=3)
    before = contents(tmp_path)
    keys = first.set_column(0, "user", first["user"].cast(pa.string()))
    for rows in (first, first.take(pa.array(np.arange(300)[::-1])), keys):
        with pytest.raises(DataError, match="all 300 rows are in"):
            append(tmp_path, rows, rewrite=rewrite)
    assert contents(tmp_path) == before
    append(tmp_path, in_time.slice(300, 200), rewrite=rewrite)
    for rows in (first, first.slice(250), in_time.slice(280, 100), in_time.slice(499, 1)):
        with pytest.raises(DataError, match=rf"(all {len(rows)} rows are|the one row is) in"):
            append(tmp_path, rows, rewrite=rewrite)
    append(tmp_path, in_time.slice(500), rewrite=rewrite)
    assert verify(tmp_path, TABLE, threads=1).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("rewrite", [False, True])
@pytest.mark.parametrize(("longest", "shortest"), [(None, 1), (None, 12), (5, 1)])
def test_rows_that_are_in_the_folder_already_are_set_aside(
    tmp_path: Path, rewrite: bool, longest: int | None, shortest: int
) -> None:
    """A file that goes on where the folder ends, but begins before: the last events are not there twice."""
    schema = replace(SCHEMA, max_events=longest, min_events=shortest)
    tokenizer = DomainTokenizer(schema, threads=1).fit(TABLE)
    in_time = TABLE.sort_by("at")
    first, second = in_time.slice(0, 300), in_time.slice(200, 250)
    encode(tokenizer, first, tmp_path / "out", shards=3)
    result = append(tmp_path / "out", second.take(np.random.default_rng(0).permutation(250)), rewrite=rewrite)
    encode(tokenizer, in_time.slice(0, 450), tmp_path / "whole", shards=3)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")
    if longest is None:
        quarantined = pyarrow.csv.read_csv(tmp_path / "out" / "quarantine.csv")
        assert quarantined["reason"].to_pylist() == ["an encoded event already"] * 100
        assert (result.counts.rows_in, result.counts.rows_refused) == (250, 100)
        assert verify(tmp_path / "out", pa.concat_tables([first, second]), threads=1).problems == ()


@pytest.mark.slow
@settings(max_examples=10)
@given(
    st.lists(st.integers(0, 3), min_size=300, max_size=300),
    st.sampled_from([None, 4]),
    st.booleans(),
    st.sampled_from([1, 6 * 3600]),
)
def test_a_file_that_is_in_the_folder_already_is_named(
    numbers: list[int], longest: int | None, bad: bool, seconds: int
) -> None:
    """Whether it was encoded or appended, alone or with others, whole or in part refused, set aside or lost since."""
    table = TABLE.slice(0, 300)
    table = table.set_column(1, "at", pc.floor_temporal(table["at"], seconds, "second"))
    files = [table.filter(pc.equal(pa.array(numbers), number)) for number in range(4)]
    assume(all(map(len, files)))
    if bad:
        # a row that cannot be encoded, and comes after all others
        late = table.slice(0, 1).set_column(1, "at", pa.array([None], table["at"].type))
        files = [pa.concat_tables([rows, late]) for rows in files]
    tokenizer = DomainTokenizer(replace(SCHEMA, max_events=longest), threads=1).fit(table)
    with tempfile.TemporaryDirectory() as name:
        paths = [Path(name) / f"{number}.parquet" for number in range(4)]
        for path, rows in zip(paths, files, strict=True):
            pyarrow.parquet.write_table(rows, path)
        out = Path(name) / "out"
        encode(tokenizer, open_source(paths[:2], READER), out, shards=3, on_bad_rows="quarantine")
        append(out, open_source(paths[2:3], READER), on_bad_rows="quarantine", rewrite=True)
        before = contents(out)
        for number in range(3):
            with pytest.raises(DataError, match=rf"of \S*{number}.parquet (are|is) in"):
                append(out, open_source([paths[number], paths[3]], READER), on_bad_rows="quarantine")
        assert contents(out) == before
        append(out, open_source(paths[3:], READER), on_bad_rows="quarantine", rewrite=True)
        whole = open_source(paths, READER)
        assert verify(out, whole, threads=1).problems == () or longest is not None


def test_as_many_other_rows_are_appended(tmp_path: Path) -> None:
    in_time = TABLE.sort_by("at")
    encode(TOKENIZER, in_time.slice(0, 200), tmp_path)
    append(tmp_path, in_time.slice(200, 200))
    append(tmp_path, in_time.slice(400))
    assert verify(tmp_path, TABLE, threads=1).problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("among", [False, True])
def test_rows_that_were_set_aside_come_in_when_they_are_rewritten(tmp_path: Path, among: bool) -> None:
    in_time = TABLE.sort_by("at")
    first, late = in_time.slice(100, 300), in_time.slice(0, 100)
    rows = pa.concat_tables([late, in_time.slice(400)]) if among else late
    encode(TOKENIZER, first, tmp_path / "out", shards=3)
    append(tmp_path / "out", rows)
    append(tmp_path / "out", rows, rewrite=True)
    encode(TOKENIZER, pa.concat_tables([first, rows]), tmp_path / "whole", shards=3)
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")
    assert verify(tmp_path / "out", pa.concat_tables([first, rows, rows]), threads=1).problems == ()
    with pytest.raises(DataError, match=r"rows (are|were appended before, and are) in .* already"):
        append(tmp_path / "out", rows, rewrite=True)
