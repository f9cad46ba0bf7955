"""Histories of more rows than the memory limit holds: the bytes are those of an encoding at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from event_rows import contents
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import DomainToolkitError
from domaintoolkit.jobs.encoding import encode
from domaintoolkit.jobs.partition import long_histories
from domaintoolkit.jobs.partition.budget import Budget
from domaintoolkit.schema import Categorical, Numeric, Schema, Split, Text, Timestamp
from domaintoolkit.testing import cases
from domaintoolkit.tokenizer import DomainTokenizer

FIELDS = (Categorical("what"), Numeric("price", bins=4), Text("note", vocabulary_size=20), Timestamp("at"))
SCHEMAS: dict[str, dict[str, Any]] = {
    "plain": {},
    "session": {"session": "visit", "labels": ("bought",)},
    "gap": {"session_gap": "3m"},
    "limits": {"min_events": 3, "max_events": 7, "session": "visit", "labels": ("bought",)},
    "order": {"order_by": ("visit",)},
    "untimed": {"untimed": "static"},
    "split": {"split": Split(validation_from="2024-01-01T00:20", test_from="2024-01-01T00:30")},
    "static": {"static": (Categorical("country"),)},
    "rows": {"time": None, "fields": FIELDS[:2]},
    "ordered": {"time": None, "fields": FIELDS[:2], "order_by": ("visit",)},
}


def rows(count: int, seed: int, rising: bool) -> pa.Table:
    """Rows of one long history and a few short ones; some cannot be encoded, and many are of one time."""
    draw = np.random.default_rng(seed)
    minutes = draw.integers(0, 40, count)
    minutes = np.sort(minutes) if rising else minutes
    at = [f"2024-01-01T00:{minute:02}" for minute in minutes.tolist()]
    users = draw.choice(["ann", "bob", "cyd"], count, p=[0.9, 0.06, 0.04]).tolist()
    return pa.table(
        {
            "user": pa.array([None if draw.random() < 0.01 else user for user in users]),
            "at": pa.array(
                [None if draw.random() < 0.02 else "never" if draw.random() < 0.01 else each for each in at]
            ),
            "what": pa.array(draw.choice(["view", "cart", "buy", "new"], count)),
            "price": pa.array(np.round(draw.lognormal(3, 1, count), 2)),
            "note": pa.array([f"a {number} b" for number in draw.integers(0, 9, count).tolist()]),
            "visit": pa.array((minutes // 7).tolist()),
            "bought": pa.array(draw.random(count) < 0.5),
            "country": pa.array([f"c{user}" for user in users]),
        }
    )


def same_bytes(tokenizer: DomainTokenizer, table: pa.Table, **options: Any) -> dict[str, bytes]:
    """The files of an encoding in two slices or more of every history, checked against one at once."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for memory in ("1B", "2GB"):
            try:
                encode(tokenizer, table, Path(name) / memory, memory=memory, threads=1, **options)
            except DomainToolkitError as error:
                found.append({"error": str(error).encode()})
            else:
                found.append(contents(Path(name) / memory))
    assert found[0].keys() == found[1].keys()
    assert [path for path in found[0] if found[0][path] != found[1][path]] == []
    return found[0]


@pytest.mark.slow
@settings(max_examples=10)
@given(
    name=st.sampled_from(list(SCHEMAS)), count=st.integers(1, 60), seed=st.integers(0, 99), rising=st.booleans(),
    limit=st.sampled_from([1, 5, 20]),
)  # fmt: skip
def test_a_history_in_slices_has_the_bytes_of_one_at_once(
    name: str, count: int, seed: int, rising: bool, limit: int
) -> None:
    schema = Schema(**{"entity": ("user",), "time": "at", "fields": FIELDS, **SCHEMAS[name]})
    table = rows(count, seed, rising)
    tokenizer = DomainTokenizer(schema, threads=1).fit(rows(60, 0, True), "quarantine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_histories, "SAMPLED", 3)
        patch.setattr(Budget, "history_rows", property(lambda budget: limit if budget.memory < 1e9 else 1 << 30))
        same_bytes(tokenizer, table, shards=2, on_bad_rows="quarantine")


@pytest.mark.slow
@settings(max_examples=10)
@given(cases(max_rows=30))
def test_any_history_can_be_cut_into_slices(case: tuple[Schema, pa.Table, pa.Table]) -> None:
    schema, fitted, table = case
    same_bytes(DomainTokenizer(schema, threads=1).fit(fitted), table, shards=1, on_bad_rows="quarantine")


@pytest.mark.slow
def test_static_values_that_differ_are_compared_over_the_whole_history() -> None:
    schema = Schema(entity="user", time="at", fields=[Timestamp("at")], static=[Categorical("country")])
    at = np.arange(40).astype("datetime64[m]").astype("datetime64[us]")
    table = pa.table({"user": ["ann"] * 40, "at": at, "country": ["de"] * 15 + ["fr"] * 25})
    tokenizer = DomainTokenizer(schema, threads=1).fit(table, "quarantine")
    files = same_bytes(tokenizer, table, shards=1, on_bad_rows="quarantine")
    assert files["quarantine.csv"].count(b"in most rows of the same entity") == 15
