"""Appending tables of any schema, in any order: what comes of it is what encoding everything at once gives."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import append, encode, verify
from domaintoolkit.schema import Categorical, Numeric, Schema, Split, Timestamp
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.testing import schemas, tables
from domaintoolkit.tokenizer import DomainTokenizer

CROWDED = st.builds(
    Schema,
    entity=st.just("user"),
    time=st.sampled_from(["at", "at", None]),
    fields=st.lists(
        st.sampled_from([Categorical("what"), Numeric("price", bins=2), Timestamp("at")]), min_size=1, unique=True
    ).map(tuple),
    static=st.sampled_from([(), (Numeric("age", bins=2),)]),
    order_by=st.sampled_from([(), "sequence", "user", ("visit", "sequence")]),
    labels=st.sampled_from([(), "label"]),
    session=st.sampled_from([None, "visit"]),
    min_events=st.sampled_from([1, 1, 3]),
    max_events=st.sampled_from([None, None, 1, 4]),
    split=st.sampled_from([None, None, Split(column="set")]),
)
UNTIMED = CROWDED.filter(lambda schema: schema.time_field is not None).map(
    lambda schema: replace(schema, untimed="static")
)
GAPS = CROWDED.filter(lambda schema: schema.time is not None).flatmap(
    lambda schema: st.sampled_from(["1d", "2d"]).map(lambda gap: replace(schema, session=None, session_gap=gap))
)


@st.composite
def crowded(draw: st.DrawFn) -> tuple[Schema, pa.Table, list[pa.Table]]:
    """Few users, days and values, so that most rows tie; some rows are bad, and some static values change."""
    schema, rows = draw(CROWDED | GAPS | UNTIMED), draw(st.integers(2, 80))
    numbers = np.random.default_rng(draw(st.integers(0, 2**32)))
    words = draw(st.booleans())

    def few(count: int) -> np.ndarray:
        return numbers.integers(0, count, rows)

    user, bad = few(draw(st.integers(1, 4))), numbers.random(rows) < draw(st.sampled_from([0, 0.1]))
    names = [f"v{number}" for number in few(3)] if words else few(3)
    whole = pa.table({
        "user": user,
        "at": pa.array(few(draw(st.integers(2, 6))) * 86_400_000_000).cast(pa.timestamp("us", "UTC")),
        "what": np.array(["a", "b", "c"])[few(3)],
        "price": np.where(bad, "bad", few(9).astype(str)),
        "age": user * 10 + (numbers.random(rows) < draw(st.sampled_from([0, 0.1]))) / 4,
        "sequence": [f"s{number}" for number in few(3)] if words else few(3),
        "label": few(3),
        "set": np.array(["train", "validation", "test"])[few(3)],
        "visit": pa.array(names, mask=few(9) == 0),
    })  # fmt: skip
    if schema.untimed == "static":
        at = pc.if_else(pa.array(few(4) == 0), None, whole["at"])
        whole = whole.set_column(1, "at", at)
    of = (
        few(3)
        if draw(st.booleans())
        else np.argsort(np.argsort(whole["at"].cast(pa.int64()).fill_null(-1))) * 3 // rows
    )
    return schema, whole, [whole.filter(pa.array(of == part)) for part in range(3)]


@st.composite
def any_parts(draw: st.DrawFn) -> tuple[Schema, pa.Table, list[pa.Table]]:
    """Any schema, a table to fit on, and parts of another."""
    schema = draw(schemas())
    fitted, whole = draw(tables(schema)), draw(tables(schema, max_rows=16))
    of = np.array(draw(st.lists(st.integers(0, 2), min_size=len(whole), max_size=len(whole))), int)
    return schema, fitted, [whole.filter(pa.array(of == part)) for part in range(3)]


@pytest.mark.slow
@given(crowded() | any_parts(), st.booleans())
def test_any_parts_are_what_all_at_once_is(case: tuple[Schema, pa.Table, list[pa.Table]], rewrite: bool) -> None:
    schema, fitted, parts = case
    parts = [part for part in parts if len(part)]
    if not len(fitted) or not parts:
        return
    tokenizer = DomainTokenizer(schema, threads=1).fit(fitted, on_bad_rows="quarantine")
    with tempfile.TemporaryDirectory() as name:
        out, taken = Path(name) / "parts", parts[:1]
        try:
            encode(tokenizer, parts[0], out, shards=2, on_bad_rows="quarantine")
        except DataError as error:
            assert "refused, so nothing was encoded" in str(error)  # noqa: PT017
            return
        for part in parts[1:]:
            try:
                append(out, part, rewrite=rewrite, on_bad_rows="quarantine")
            except DataError as error:
                if "already" in str(error):
                    event("a part of rows that are in the folder already")
                elif "refused, so nothing" in str(error):
                    event("a part of rows that are all refused")
                else:
                    raise
            else:
                taken.append(part)
        whole = pa.concat_tables(taken)
        result = verify(out, whole, threads=1)
        assert result.problems == ()
        if not result.rows_set_aside:
            event("nothing set aside")
            encode(tokenizer, whole, Path(name) / "whole", shards=2, on_bad_rows="quarantine")
            for shard in range(2):
                assert open_encoded(out).table(shard).equals(open_encoded(Path(name) / "whole").table(shard))
