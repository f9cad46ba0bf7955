from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from encoder_checks import check_column, fitted
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import NUMERIC
from domaintoolkit.encoders.numeric.bucket_index import Buckets, cells_of, lower_ends
from domaintoolkit.schema import Numeric
from domaintoolkit.values.numbers import as_numbers

FLOATS = st.none() | st.floats() | st.sampled_from([0.0, -0.0, 1.0, 1.5, 5e-324, 1.7976931348623157e308])


@st.composite
def specs(draw: st.DrawFn) -> Numeric:
    strategy = draw(st.sampled_from(["quantile", "log", "uniform", "explicit"]))
    sign = draw(st.booleans())
    edges = st.lists(st.floats(0 if sign else -1e6, 1e6), min_size=2, max_size=6, unique=True).map(
        lambda e: tuple(sorted(e))
    )
    return Numeric(
        "f",
        bins=draw(st.integers(1, 9)),
        strategy=strategy,
        edges=draw(edges) if strategy == "explicit" else None,
        sign=sign,
        refine=draw(st.integers(1, 4)),
    )


@pytest.mark.slow
@given(specs(), st.lists(FLOATS), st.lists(FLOATS))
def test_floats(spec: Numeric, fit: list[float | None], values: list[float | None]) -> None:
    check_column(NUMERIC, spec, pa.array(fit, pa.float64()), pa.array(values, pa.float64()))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pa.int8(), pa.uint8(), pa.int64(), pa.uint64(), pa.float32(), pa.bool_()], ids=str)
@given(spec=specs(), data=st.data())
def test_other_types(kind: pa.DataType, spec: Numeric, data: st.DataObject) -> None:
    if pa.types.is_boolean(kind):
        one: st.SearchStrategy[object] = st.booleans()
    elif pa.types.is_floating(kind):
        one = st.floats(width=32)
    else:
        low = -(1 << (kind.bit_width - 1)) if pa.types.is_signed_integer(kind) else 0
        one = st.integers(low, low + (1 << kind.bit_width) - 1) | st.integers(0, 20)
    values = data.draw(st.lists(st.none() | one))
    check_column(NUMERIC, spec, pa.array(values, kind), pa.array(values, kind))


@given(specs(), st.lists(st.decimals(-1000, 1000, places=2)))
def test_decimals(spec: Numeric, values: list[Decimal]) -> None:
    column = pa.array(values, pa.decimal128(9, 2))
    check_column(NUMERIC, spec, column, column)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True), st.lists(st.floats(allow_nan=False)))
def test_buckets_agree_with_a_search(edges: list[float], values: list[float]) -> None:
    buckets = Buckets(np.unique(np.array(edges) + 0.0))
    column = np.array(values, np.float64)
    expected = np.searchsorted(buckets.edges, column, side="right")
    assert buckets.of(column).tolist() == expected.tolist()
    assert [buckets.one(value) for value in values] == expected.tolist()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_cell_begins_at_its_lower_end(values: list[float]) -> None:
    column = np.array(values)
    cells = cells_of(column)
    assert (lower_ends(cells) <= column).all()
    assert (np.diff(cells[np.argsort(column, kind="stable")]) >= 0).all()
    assert (cells_of(lower_ends(cells)) == cells).all()


def test_quantiles_hold_equal_shares() -> None:
    column = np.random.default_rng(0).lognormal(3, 1, 100_000)
    encoder = fitted(NUMERIC, Numeric("f", bins=50), pa.array(column))
    shares = np.bincount(encoder.encode(pa.array(column)).parts[0].codes) / len(column)
    assert len(shares) == 50
    assert 0.018 < shares.min() < shares.max() < 0.022


def test_clipped_missing_and_order() -> None:
    encoder = fitted(NUMERIC, Numeric("f", bins=4), pa.array([1.0, 2.0, 3.0, 4.0]))
    encoded = encoder.encode(pa.array([-math.inf, 1, 2, 3, 4, 99, None, math.nan]))
    assert (encoded.clipped, encoded.missing) == (2, 1)
    codes = [int(encoded.parts[0].slots[c]) for c in encoded.parts[0].codes]
    assert codes[:6] == sorted(codes[:6])
    assert codes[-2:] == [0, 1]


def test_names() -> None:
    encoder = fitted(NUMERIC, Numeric("price", strategy="explicit", edges=(0, 32.5, 35.8, 100)), pa.array([1.0]))
    assert [slot.text for slot in encoder.slots[2:]] == [" 0..32.5", " 32.5..35.8", " 35.8..100"]


def test_numbers_as_text_come_back_as_text() -> None:
    values = pa.array(["1.5", None, "nan", "-3", "1e300"])
    check_column(NUMERIC, Numeric("f", bins=3), values, values)
    check_column(NUMERIC, Numeric("f", bins=3, sign=True, refine=2), values, values)


def test_names_are_written_as_people_write_numbers() -> None:
    encoder = fitted(NUMERIC, Numeric("price", strategy="explicit", edges=(0, 1396.5, 1640.2, 2e15)), pa.array([1.0]))
    assert [slot.text for slot in encoder.slots[2:]] == [" 0..1400", " 1400..1640", " 1640..2e+15"]


def test_text_that_is_no_number_is_refused() -> None:
    assert NUMERIC.encoder.prepare(Numeric("f"), pa.array(["1", "x", None, "2"])).refused == [
        (1, "expected a number, got 'x'")
    ]


NUMBER_LIKE = st.text("0123456789+-.eEinfatyINFATY \t\nxd,_\u0663", max_size=6) | st.sampled_from(
    ["inf", "-Infinity", "NaN", "1e5", "1e-5", "+3", ".5", "5.", "-0", " 1", "1e999", "0x1", "1,5", "2024-01-01"]
)


@given(st.lists(st.none() | NUMBER_LIKE, max_size=20))
def test_texts_are_read_as_each_would_be_alone(texts: list[str | None]) -> None:
    prepared = as_numbers(pa.array(texts, pa.string()))
    wrong = dict(prepared.refused)
    for row, (text, found) in enumerate(zip(texts, prepared.values.to_pylist(), strict=True)):
        try:
            alone = pa.array([text], pa.string()).cast(pa.float64())[0].as_py()
        except pa.ArrowInvalid:
            assert (found, wrong[row]) == (None, f"expected a number, got {text!r}")
            continue
        if text is not None and math.isinf(alone) and "n" not in text.lower():
            assert (found, wrong[row]) == (None, f"{text!r} is beyond a 64-bit float")
            continue
        assert row not in wrong
        assert found == alone or (found != found and alone != alone)
