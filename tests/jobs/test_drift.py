"""Drift: none between halves of one table, and what is changed is what is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from event_rows import SCHEMA, events
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import drift, encode
from domaintoolkit.jobs.drift import stability_index
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(4000, users=400)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half of the rows, encoded."""
    out = tmp_path_factory.mktemp("drift") / "out"
    half = TABLE.slice(0, 2000)
    encode(DomainTokenizer(SCHEMA, threads=1).fit(half), half, out)
    return out


histograms = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=30)


@given(histograms)
def test_the_index_is_a_distance(pairs: list[tuple[int, int]]) -> None:
    fitted, found = np.array(pairs).T
    assert stability_index(fitted, found) >= -1e-12
    assert abs(stability_index(fitted, fitted)) < 1e-12


def test_the_index_of_two_groups_is_that_of_the_formula() -> None:
    fitted, found = np.array([600_000, 400_000]), np.array([300_000, 700_000])
    wanted = (0.3 - 0.6) * np.log(0.3 / 0.6) + (0.7 - 0.4) * np.log(0.7 / 0.4)
    assert stability_index(fitted, found) == pytest.approx(wanted, abs=1e-5)


def test_rows_like_the_fitted_ones_are_stable(folder: Path) -> None:
    result = drift(folder, TABLE.slice(2000))
    assert result.verdict == "stable"
    assert result.events == 2000
    assert [field.field for field in result.fields] == ["what", "brand", "price", "at"]
    assert json.loads(json.dumps(result.to_json()))["verdict"] == "stable"


@pytest.mark.slow
def test_what_has_changed_is_named(folder: Path) -> None:
    half = TABLE.slice(2000)
    prices = pc.multiply(half["price"], 10.0)
    brands = pc.if_else(pa.array(np.arange(2000) % 2 == 0), pa.scalar("newcomer"), half["brand"])
    changed = half.set_column(6, "price", prices).set_column(5, "brand", brands)
    result = drift(folder, changed, memory="50kB")
    verdicts = {field.field: field.verdict for field in result.fields}
    assert verdicts == {"what": "stable", "brand": "drifted", "price": "drifted", "at": "stable"}
    assert result.verdict == "drifted"
    brand = next(field for field in result.fields if field.field == "brand")
    assert brand.unseen == 0.5
    assert brand.fitted_unseen == 0.0


def test_no_rows_are_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="there are no rows to compare"):
        drift(folder, TABLE.slice(0, 0))
