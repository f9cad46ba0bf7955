from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from encoder_checks import check_column, fitted
from hypothesis import example, given
from hypothesis import strategies as st

from domaintoolkit.encoders import NUMERIC
from domaintoolkit.encoders.numeric.bucket_index import Buckets, cells_of, lower_ends
from domaintoolkit.encoders.numeric.encoder import NumericEncoder
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
@pytest.mark.parametrize("strategy", ["log", "quantile", "uniform"])
@pytest.mark.parametrize("bins", [2, 3, 9])
def test_numbers_below_the_least_normal_one(strategy: Any, bins: int) -> None:
    fit = pa.array([5e-324, 1e-320, 1e-310, -1.0, 0.0, 3.0])
    for start in range(len(fit)):
        check_column(NUMERIC, Numeric("f", bins=bins, strategy=strategy), fit[start:], fit)
        check_column(NUMERIC, Numeric("f", bins=bins, strategy=strategy), fit[: start + 1], fit)
    check_column(NUMERIC, Numeric("f", bins=bins, strategy=strategy), pa.array([5e-324, -1.0]), fit)


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


def test_a_bucket_of_one_value_has_the_shortest_name_of_it() -> None:
    encoder = fitted(NUMERIC, Numeric("price", bins=8), pa.array([47.61, 0.05, 0.1 + 0.2, 1e300, 5.0] * 3))
    assert [slot.text for slot in encoder.slots[2:]] == [" 0.05", " 0.30000000000000004", " 5", " 47.61", " 1e+300"]


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


def decoded(encoder: NumericEncoder, values: pa.Array, chances: np.ndarray | None = None) -> list[float]:
    parts = encoder.encode(encoder.prepare(encoder.spec, values).values).parts
    column = encoder.decode(parts, values.type) if chances is None else encoder.sample(parts, values.type, chances)
    return list(column.to_pylist())


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["quantile", "log", "uniform"])
@pytest.mark.parametrize("distinct", [5_000, 400_000])
def test_frequent_values_have_buckets_of_their_own(strategy: str, distinct: int) -> None:
    random = np.random.default_rng(0)
    column = random.lognormal(3, 1, distinct)
    for share, value in ((0.004, 0.0), (0.05, 9.99), (0.1, 199.99), (0.03, 5000.0)):
        column[random.random(distinct) < share] = value
    encoder = fitted(NUMERIC, Numeric("f", strategy=strategy), pa.array(column))
    assert isinstance(encoder, NumericEncoder)
    back = decoded(encoder, pa.array([0, 9.99, 199.99, 5000]))
    assert back == [0, 9.99, 199.99, 5000]
    assert encoder.slots[2].text == " 0"
    everything = np.array(decoded(encoder, pa.array(column)))
    assert np.isin(everything, column).all()
    assert abs(everything.sum() / column.sum() - 1) < 0.01 if strategy != "uniform" else True
    assert np.count_nonzero(everything == 9.99) < 1.01 * np.count_nonzero(column == 9.99) or strategy == "uniform"


def test_sums_of_a_heavy_tail_survive() -> None:
    column = np.round(np.random.default_rng(1).pareto(1.1, 200_000) * 4 + 0.01, 2)
    encoder = fitted(NUMERIC, Numeric("f"), pa.array(column))
    assert isinstance(encoder, NumericEncoder)
    assert abs(np.sum(decoded(encoder, pa.array(column))) / column.sum() - 1) < 0.002
    chances = np.random.default_rng(2).random(len(column))
    drawn = np.array(decoded(encoder, pa.array(column), chances))
    assert drawn.tolist() == decoded(encoder, pa.array(column), chances)
    assert abs(drawn.sum() / column.sum() - 1) < 0.02
    assert len(np.unique(drawn)) > 500
    assert np.isin(drawn, column).all()


@given(specs(), st.lists(st.integers(-50, 50), min_size=1), st.lists(st.integers(-60, 60) | st.floats(-60, 60)))
@example(Numeric("f", bins=3, refine=2), [1, 2, 2, 28], [3.0])
def test_whole_numbers_come_back_whole(spec: Numeric, fit: list[int], values: list[float]) -> None:
    if spec.strategy == "explicit":
        return
    encoder = fitted(NUMERIC, spec, pa.array([*fit, math.nan], pa.float64()))
    assert isinstance(encoder, NumericEncoder)
    assert all(number.is_integer() for number in decoded(encoder, pa.array([float(v) for v in values], pa.float64())))
    parts = encoder.encode(pa.array(values, pa.float64())).parts
    assert encoder.decode(parts, pa.int64()).type == pa.int64()


def test_as_many_buckets_as_values_lose_nothing() -> None:
    column = [0.01, 19.99, 19.98, 1e6, 1e6 + 1, 1e6 + 2, -3.5, 0.0]
    encoder = fitted(NUMERIC, Numeric("f", bins=8), pa.array(column))
    assert isinstance(encoder, NumericEncoder)
    assert decoded(encoder, pa.array(column)) == column
    assert [slot.text for slot in encoder.slots[2:5]] == [" -3.5", " 0", " 0.01"]


@given(specs(), st.lists(st.floats(-1e6, 1e6)), st.lists(st.floats(-1e6, 1e6)))
def test_extending_keeps_the_buckets(spec: Numeric, first: list[float], second: list[float]) -> None:
    encoder = fitted(NUMERIC, spec, pa.array(first, pa.float64()))
    assert isinstance(encoder, NumericEncoder)
    state = NUMERIC.state(spec)
    state.update(pa.array(second, pa.float64()))
    after = encoder.extend(state)
    assert list(after.slots) == list(encoder.slots)
    again = NUMERIC.encoder.from_json(spec, after.to_json())
    values = pa.array([*first, *second], pa.float64())
    assert decoded(again, values) == decoded(after, values)
    assert set(decoded(after, values)) <= {number + 0.0 for number in (*first, *second)}


def test_a_bucket_of_one_value_has_its_shortest_name() -> None:
    encoder = fitted(NUMERIC, Numeric("f", bins=8), pa.array([36.2, 9.99, 100.0, 1e16, -5.0]))
    assert [slot.text for slot in encoder.slots][2:] == [" -5", " 9.99", " 36.2", " 100", " 1e+16"]


@pytest.mark.parametrize("spec", [Numeric("f", bins=3), Numeric("f", bins=3, sign=True, refine=3)])
def test_an_infinity_that_was_seen_decodes_to_itself(spec: Numeric) -> None:
    column = pa.array([1.0, math.inf, -math.inf, None, math.nan, 5.0])
    encoder = check_column(NUMERIC, spec, column, column) or fitted(NUMERIC, spec, column)
    encoded = encoder.encode(column)
    assert encoded.clipped == 0
    again = encoder.decode(encoded.parts, pa.float64()).to_pylist()
    assert again[1:4] == [math.inf, -math.inf, None]
    drawn = encoder.sample(encoded.parts, pa.float64(), np.full(6, 0.5)).to_pylist()
    assert drawn[1:4] == [math.inf, -math.inf, None]
    copy = NumericEncoder.from_json(spec, encoder.to_json())
    assert [slot.text for slot in copy.slots] == [slot.text for slot in encoder.slots]
    assert [slot.text for slot in copy.slots][-2:] == [" inf", " -inf"]


def test_an_infinity_that_was_not_seen_is_a_number_beyond_the_outermost_bucket_until_the_encoder_is_extended() -> None:
    spec = Numeric("f", bins=3)
    first = fitted(NUMERIC, spec, pa.array([1.0, 5.0]))
    column = pa.array([math.inf, -math.inf])
    assert first.encode(column).clipped == 2
    assert first.decode(first.encode(column).parts, pa.float64()).to_pylist() == [5, 1]
    state = NUMERIC.state(spec)
    state.update(pa.array([-math.inf]))
    merged = NUMERIC.state(spec)
    merged.merge(type(state).restore(spec, state.dump()))
    extended = first.extend(merged)
    assert extended.slots[: len(first.slots)] == first.slots
    assert extended.decode(extended.encode(column).parts, pa.float64()).to_pylist() == [5, -math.inf]


@pytest.mark.parametrize(
    "spec", [Numeric("f"), Numeric("f", bins=3, sign=True, refine=3), Numeric("f", strategy="log")]
)
@pytest.mark.parametrize("fit", [[], [None], [math.nan, None]])
def test_without_a_number_in_fitting_no_number_becomes_another(spec: Numeric, fit: list[float | None]) -> None:
    encoder = fitted(NUMERIC, spec, pa.array(fit, pa.float64()))
    column = pa.array([19.99, None, -3.0, 0.0, math.inf])
    encoded = encoder.encode(column)
    assert encoded.clipped == 4
    assert str(encoder.decode(encoded.parts, pa.float64()).to_pylist()) == "[nan, None, nan, nan, nan]"
    assert encoder.decode(encoded.parts, pa.int64()).type == pa.float64()
    check_column(NUMERIC, spec, pa.array(fit, pa.float64()), column)
    state = NUMERIC.state(spec)
    state.update(pa.array([5.0, 7.0, 7.0]))
    later = encoder.extend(state)
    assert set(decoded(later, pa.array([19.99, 7.0]))) == {7.0}


def test_a_zero_that_was_seen_is_a_number_that_others_decode_to() -> None:
    encoder = fitted(NUMERIC, Numeric("f"), pa.array([0.0]))
    assert decoded(encoder, pa.array([0.0, 5.0])) == [0.0, 0.0]
