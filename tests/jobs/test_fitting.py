"""Fitting in batches: the tokenizer of the training entities, in the same bytes however the rows come."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pytest
from event_rows import READER, SCHEMA, events, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import fitting
from domaintoolkit.jobs.fitting import extend, fit
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.jobs.partition.row_source import TableSource
from domaintoolkit.reading.source import open_source
from domaintoolkit.schema import Categorical, Composite, Numeric, Schema
from domaintoolkit.streams.keys import hash_keys, split_of
from domaintoolkit.tokenizer import DomainTokenizer, OnBadRows

TABLE = events(2000)
TRAINING = TABLE.filter(pa.array(split_of(hash_keys(TABLE.select(["user"]))) == 0))


@pytest.mark.slow
@settings(max_examples=12)
@given(
    st.sampled_from([99, 999, 5000]), st.integers(1, 2), st.booleans(), st.booleans(), st.sampled_from([300, 1 << 18])
)
def test_the_vocabulary_is_that_of_the_training_rows(
    batch: int, threads: int, shuffle: bool, coded: bool, rows: int
) -> None:
    table = TABLE.take(np.random.default_rng(2).permutation(len(TABLE))) if shuffle else TABLE
    if coded:
        table = table.set_column(5, "brand", table["brand"].dictionary_encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "ROWS", rows)
        result = fit(SCHEMA, TableSource(SCHEMA, table, batch), threads=threads)
    assert saved(result.tokenizer) == saved(DomainTokenizer(SCHEMA, threads=1).fit(TRAINING))
    assert (result.rows_in, result.rows_fitted, result.fitted_on) == (2000, len(TRAINING), "train")


def test_files_give_the_tokenizer_of_the_table(tmp_path: Path) -> None:
    pa.parquet.write_table(TABLE, tmp_path / "events.parquet", row_group_size=300)
    result = fit(SCHEMA, open_source(tmp_path / "events.parquet", READER))
    assert saved(result.tokenizer) == saved(fit(SCHEMA, TABLE).tokenizer)


def test_without_training_entities_all_are_fitted_on() -> None:
    other = TABLE.filter(pa.array(split_of(hash_keys(TABLE.select(["user"]))) != 0))
    result = fit(SCHEMA, other)
    assert result.fitted_on == "all"
    assert saved(result.tokenizer) == saved(DomainTokenizer(SCHEMA, threads=1).fit(other))


def test_bad_rows_are_named_or_passed_over() -> None:
    at = TRAINING["at"].to_pylist()
    at[3] = None
    bad = TRAINING.set_column(1, "at", pa.array(at, TABLE.schema.field("at").type))
    with pytest.raises(DataError, match="row 3, column 'at'"):
        fit(SCHEMA, bad)
    result = fit(SCHEMA, bad, on_bad_rows="quarantine")
    assert (result.rows_refused, result.rows_fitted) == (1, len(TRAINING) - 1)


@pytest.mark.parametrize("on_bad_rows", ["error", "quarantine"])
def test_rows_that_are_all_bad_are_named(on_bad_rows: OnBadRows) -> None:
    bad = TABLE.set_column(0, "user", pa.nulls(len(TABLE), pa.int64()))
    with pytest.raises(DataError, match="row 0, column 'user': the entity key is null") as caught:
        fit(SCHEMA, bad, on_bad_rows=on_bad_rows)
    assert caught.value.total == len(TABLE)


def test_no_rows_are_an_error() -> None:
    with pytest.raises(DataError, match="there are no rows to fit on"):
        fit(SCHEMA, TABLE.slice(0, 0))


def test_extend_takes_keys_and_categories_as_they_were_fitted() -> None:
    schema = Schema(entity="user", fields=(Categorical("what"),))
    old = pa.table({"user": range(60), "what": [1] * 60})
    new = pa.table({"user": range(60), "what": [1] * 30 + [2] * 30})
    as_text = pa.table({name: new[name].cast(pa.string()) for name in new.column_names})
    results = [extend(tokenizer, rows) for rows in (new, as_text) if (tokenizer := fit(schema, old).tokenizer)]
    assert results[0].rows_fitted == results[1].rows_fitted
    assert saved(results[0].tokenizer) == saved(results[1].tokenizer)
    assert "[what=2]" in results[1].tokenizer.vocabulary.names


def test_extend_adds_tokens_and_moves_none() -> None:
    known = TABLE.filter(pc.not_equal(TABLE["brand"], "d'or").fill_null(True))
    tokenizer = fit(SCHEMA, known).tokenizer
    before = tokenizer.vocabulary.names
    extend(tokenizer, TableSource(SCHEMA, TABLE, 300))
    after = tokenizer.vocabulary.names
    assert after[: len(before)] == before
    assert "[brand=d'or]" in after[len(before) :]
    assert len(tokenizer.vocabulary.generations) == 2


def test_however_many_rows_are_refused_all_are_counted() -> None:
    rows = events(9000)
    bad = rows.set_column(6, "price", pa.array([f"dear {number}" if number % 3 else "1" for number in range(9000)]))
    result = fit(SCHEMA, bad, on_bad_rows="quarantine", training_only=False)
    assert (result.rows_in, result.rows_refused, result.rows_fitted) == (9000, 6000, 3000)
    with pytest.raises(DataError) as error:
        fit(SCHEMA, bad)
    assert error.value.total == 6000
    assert [refusal.row for refusal in error.value.refusals[:3]] == [1, 2, 4]


@pytest.mark.slow
def test_composites_are_the_same_within_any_memory_that_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    rows = 4000
    columns = {name: draw.integers(0, 6, rows).astype(str) for name in ("a", "b", "c")}
    table = pa.table({"user": draw.integers(0, 300, rows), "time": np.arange(rows), **columns})
    composite = Composite(vocabulary_size=60, min_weight=0.0)
    fields = tuple(Categorical(name) for name in columns)
    schema = Schema(entity="user", time="time", time_unit="s", fields=fields, composite=composite)
    whole = fit(schema, table)
    # pieces of few rows, and a limit that all pairs stay below
    monkeypatch.setattr(Budget, "unit_rows", 100)
    monkeypatch.setattr(Budget, "pair_bytes", 8 << 20)
    monkeypatch.setattr(Budget, "sample_rows", rows)
    pieces = fit(schema, table)
    assert pieces.tokenizer.composites == whole.tokenizer.composites
    assert pieces.composite_entities == whole.composite_entities
    assert not pieces.composites_cut
    # a limit that they exceed: the entities with the lowest hashes that fit, as if no others were allowed
    for setting, value in (("pair_bytes", 600_000), ("sample_rows", 1000)):
        monkeypatch.setattr(Budget, setting, value)
        less = fit(schema, table)
        assert 0 < less.composite_entities < whole.composite_entities
        assert less.composites_cut
        allowed = replace(composite, max_entities=less.composite_entities)
        monkeypatch.setattr(Budget, "pair_bytes", 8 << 20)
        monkeypatch.setattr(Budget, "sample_rows", rows)
        assert fit(replace(schema, composite=allowed), table).tokenizer.composites == less.tokenizer.composites
    # one history that is too long alone is cut
    monkeypatch.setattr(Budget, "pair_bytes", 1_000_000)
    alone = table.set_column(0, "user", pa.array([1] * rows))
    assert len(fit(schema, alone, training_only=False).tokenizer.composites or ()) == 60


def test_infinities_of_every_split_have_tokens() -> None:
    table = pa.table({"user": list(range(40)), "price": [float(k) for k in range(40)]})
    outside = int(np.flatnonzero(split_of(hash_keys(table.select(["user"]))) != 0)[0])
    prices = table["price"].to_pylist()
    prices[outside] = float("-inf")
    schema = Schema(entity="user", fields=(Numeric("price", bins=4),))
    table = table.set_column(1, "price", pa.array(prices))
    tokenizer = fit(schema, table).tokenizer
    again = tokenizer.decode(tokenizer.encode(table))
    assert again.filter(pc.equal(again["user"], outside))["price"].to_pylist() == [float("-inf")]
    assert extend(tokenizer, table.take([outside])).known is False
    assert extend(tokenizer, table.take([outside])).known is True
