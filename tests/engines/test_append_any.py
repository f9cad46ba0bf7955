"""Appending tables of any schema, in any order: what comes of it is what encoding everything at once gives."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import event, given, settings
from hypothesis import strategies as st

from domaintoolkit.engines import append, encode, verify
from domaintoolkit.errors import DataError
from domaintoolkit.schema import Schema
from domaintoolkit.streams._encoded import open_encoded
from domaintoolkit.testing import schemas, tables
from domaintoolkit.tokenizer import DomainTokenizer


@st.composite
def appended(draw: st.DrawFn) -> tuple[Schema, pa.Table, list[pa.Table]]:
    """A schema with a time column, a table to fit on, and parts of another."""
    schema = draw(schemas().filter(lambda schema: schema.time is not None))
    fitted, whole = draw(tables(schema)), draw(tables(schema, max_rows=16))
    of = np.array(draw(st.lists(st.integers(0, 2), min_size=len(whole), max_size=len(whole))), int)
    return schema, fitted, [whole.filter(pa.array(of == part)) for part in range(3)]


@settings(max_examples=settings().max_examples * 2)
@given(appended(), st.booleans())
def test_any_parts_are_what_all_at_once_is(case: tuple[Schema, pa.Table, list[pa.Table]], rewrite: bool) -> None:
    schema, fitted, parts = case
    parts = [part for part in parts if len(part)]
    if not len(fitted) or not parts:
        return
    tokenizer = DomainTokenizer(schema, threads=1).fit(fitted, on_bad_rows="quarantine")
    with tempfile.TemporaryDirectory() as name:
        out, taken = Path(name) / "parts", parts[:1]
        encode(tokenizer, parts[0], out, shards=2, on_bad_rows="quarantine")
        for part in parts[1:]:
            try:
                append(out, part, rewrite=rewrite, on_bad_rows="quarantine")
            except DataError as error:
                if "already" not in str(error):
                    raise
                event("a part of rows that are in the folder already")
            else:
                taken.append(part)
        whole = pa.concat_tables(taken)
        result = verify(out, whole, threads=1)
        assert result.problems == ()
        if rewrite and not result.rows_set_aside:
            encode(tokenizer, whole, Path(name) / "whole", shards=2, on_bad_rows="quarantine")
            for shard in range(2):
                assert open_encoded(out).table(shard).equals(open_encoded(Path(name) / "whole").table(shard))
