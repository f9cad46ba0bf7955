"""Rewriting: histories that get late events are those of encoding everything at once."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest
from event_rows import SCHEMA, contents, events, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import append, encode, verify
from domaintoolkit.schema import Categorical, Numeric, Schema, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(600, users=30)
TOKENIZER = DomainTokenizer(SCHEMA, threads=1).fit(TABLE)


@pytest.mark.slow
@settings(max_examples=15)
@given(
    parts=st.lists(st.integers(0, 2), min_size=300, max_size=300),
    kind=st.sampled_from([pa.string(), pa.int32(), pa.float64(), pa.dictionary(pa.int16(), pa.large_string())]),
    long=st.booleans(),
)
def test_rewrite_gives_what_all_at_once_gives(parts: list[int], kind: pa.DataType, long: bool) -> None:
    """In any order, and whichever sessions go on or come in between."""
    table = TABLE.slice(0, 300)
    visit = pc.divide(table["visit"].cast(pa.int32()), 1 if long else 4)
    table = table.set_column(2, "visit", (visit if pa.types.is_primitive(kind) else visit.cast(pa.string())).cast(kind))
    tokenizer = DomainTokenizer(SCHEMA, threads=1).fit(table)
    batches = [table.filter(pa.array(np.array(parts) == number)) for number in range(3)]
    batches = [batch for batch in batches if len(batch)]
    with tempfile.TemporaryDirectory() as name:
        encode(tokenizer, batches[0], Path(name) / "parts", shards=3)
        for batch in batches[1:]:
            append(Path(name) / "parts", batch, rewrite=True)
        encode(tokenizer, table, Path(name) / "whole", shards=3)
        assert rows_of(Path(name) / "parts") == rows_of(Path(name) / "whole")
        assert verify(Path(name) / "parts", table, threads=1).problems == ()


def test_rewrite_compares_static_fields_with_the_encoded_history(tmp_path: Path) -> None:
    """By value, though tokens tell less. No event of the history is lost, and `verify` knows what is missing."""
    schema = Schema(
        entity="user", time="at", static=(Numeric("age", bins=4, strategy="uniform"), Categorical("land")),
        fields=(Categorical("what"), Timestamp("at")),
    )  # fmt: skip
    at = TABLE["at"][0].as_py()
    rows = pa.table({"user": [1, 1, 2, 2, 1, 1, 1], "at": [at + timedelta(n) for n in (5, 6, 5, 6, 1, 2, 3)],
                     "age": [20.5, 20.5, 80.0, 80.0, 20.75, 99.0, 20.5], "land": ["de"] * 6 + ["fr"],
                     "what": ["a"] * 7})  # fmt: skip
    tokenizer = DomainTokenizer(schema, threads=1).fit(rows, on_bad_rows="quarantine")
    encode(tokenizer, rows.slice(0, 4), tmp_path / "out")
    before = contents(tmp_path / "out")
    late = pa.concat_tables([rows.slice(4), rows.slice(0, 1).set_column(1, "at", rows["at"].slice(4, 1))])
    with pytest.raises(DataError) as error:
        append(tmp_path / "out", late, rewrite=True)
    named = [(refusal.row, refusal.column) for refusal in error.value.refusals]
    assert named == [(0, "age"), (1, "age"), (2, "land")]
    assert error.value.refusals[0].reason == "static field is 20.75 here, and another value in the encoded history"
    assert contents(tmp_path / "out") == before
    result = append(tmp_path / "out", late, rewrite=True, on_bad_rows="quarantine")
    assert (result.counts.rows_in, result.counts.rows_refused) == (4, 3)
    encode(tokenizer, pa.concat_tables([rows.slice(0, 4), late.slice(3)]), tmp_path / "whole")
    assert rows_of(tmp_path / "out") == rows_of(tmp_path / "whole")
    assert verify(tmp_path / "out", pa.concat_tables([rows.slice(0, 4), late])).problems == ()


def test_rewrite_tells_refused_rows_as_they_were(tmp_path: Path) -> None:
    rows = TABLE.sort_by("at")
    encode(TOKENIZER, rows.slice(10), tmp_path / "out")
    bad = rows.slice(0, 10).set_column(6, "price", pa.array(["9"] * 9 + ["cheap"]))
    result = append(tmp_path / "out", bad, rewrite=True, on_bad_rows="quarantine")
    assert result.counts.rows_refused == 1
    raw = pa.csv.read_csv(tmp_path / "out" / "quarantine.csv")["raw"][0].as_py()
    assert f'"visit": "{rows["visit"][9].as_py()}"' in raw
