from __future__ import annotations

import json
from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
import pytest
from drawn_times import PARTS, column, fitted, flat, histories, instants, rows, specs
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import Cells
from domaintoolkit.encoders.timestamp.encoder import TimestampEncoder, TimestampState
from domaintoolkit.errors import DataError, DecodeError
from domaintoolkit.schema import Timestamp
from domaintoolkit.times.calendar import DAY

TYPES = [
    pa.timestamp("us", "UTC"),
    pa.timestamp("s", "Europe/Berlin"),
    pa.timestamp("ms"),
    pa.timestamp("ns", "UTC"),
    pa.timestamp("ns"),
    pa.date32(),
    pa.date64(),
    pa.string(),
    pa.large_string(),
]


@st.composite
def columns(draw: st.DrawFn, zone: str, kind: pa.DataType) -> pa.Array:
    """Times of a type, nulls among them."""
    times = pa.array(draw(st.lists(st.none() | instants(zone), max_size=12)), pa.int64()).cast(pa.timestamp("us"))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        ends = st.sampled_from(["", "Z"])
        return pa.array([None if t is None else t.isoformat() + draw(ends) for t in times.to_pylist()], kind)
    if pa.types.is_timestamp(kind):
        low, high = (-(2**63) // 1000 + 1, 2**63 // 1000) if kind.unit == "ns" else (-(2**62), 2**62)
        kept = [t if t is None or low <= t < high else None for t in times.cast(pa.int64()).to_pylist()]
        return pa.array(kept, pa.int64()).cast(pa.timestamp("us", kind.tz)).cast(kind, safe=False)
    return times.cast(kind, safe=False)


def joined(row: tuple[tuple[int, ...], ...]) -> tuple[int, ...]:
    return tuple(slot for part in row for slot in part)


@pytest.mark.slow
@given(st.data())
def test_decoded_values_give_the_same_tokens(data: st.DataObject) -> None:
    spec, kind = data.draw(specs(delta=False)), data.draw(st.sampled_from(TYPES))
    values = data.draw(columns(spec.zone, kind))
    prepared = TimestampEncoder.prepare(spec, values).values
    encoder = fitted(spec, prepared.slice(0, len(prepared) // 2).cast(pa.int64()))
    encoded = encoder.encode(prepared)
    decoded = encoder.decode(encoded.parts, kind)
    assert decoded.type == kind
    again = TimestampEncoder.prepare(spec, decoded)
    assert not again.refused
    assert rows(encoder.encode(again.values).parts, len(values)) == rows(encoded.parts, len(values))
    assert encoded.missing == prepared.null_count == decoded.null_count


@given(st.data())
def test_one_value_gets_the_tokens_of_its_column(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=False))
    times = data.draw(st.lists(st.none() | instants(spec.zone), min_size=1, max_size=20))
    values = column(times)
    encoder = fitted(spec, values[: len(values) // 2].cast(pa.int64()))
    ids = np.arange(len(encoder.slots) + 256)
    expected = [joined(row) for row in rows(encoder.encode(values).parts, len(values))]
    found = encoder.lookup(ids)(values.to_pylist())
    assert found == [tuple(ids[slot] for slot in row) for row in expected]


@pytest.mark.slow
@given(st.data())
def test_one_history_gets_the_tokens_of_many(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=data.draw(st.booleans())))
    given_times = data.draw(histories(spec.zone))
    times, _, offsets = flat(given_times)
    encoder = fitted(spec, times[:3])
    ids = np.arange(len(encoder.slots) + 256)
    encoded = rows(encoder.encode_history(times, offsets[:-1]).parts, len(times))
    find = encoder.lookup_history(ids)
    found = [tokens for history in given_times for tokens in find(history)]
    assert found == [tuple(ids[slot] for slot in joined(row)) for row in encoded]


@pytest.mark.slow
@given(st.data())
def test_a_history_goes_on_where_it_stopped(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=True))
    history = data.draw(histories(spec.zone, most=1))[0]
    cut = data.draw(st.integers(0, len(history) - 1))
    times, _, offsets = flat([history])
    encoder = fitted(spec, times)
    whole = rows(encoder.encode_history(times, offsets[:-1]).parts, len(times))
    ids = np.arange(len(encoder.slots) + 256)
    behind = times[cut:]
    if cut:
        rest = encoder.encode_history(behind, np.zeros(1, np.int64), times[cut - 1 : cut])
        assert rows(rest.parts, len(behind)) == whole[cut:]
        continued = encoder.lookup_history(ids)(behind.tolist(), history[cut - 1])
        assert continued == encoder.lookup_history(ids)(history)[cut:]


@pytest.mark.slow
@given(st.data())
def test_every_row_has_one_start_slot_in_each_part_but_for_null(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=False))
    values = column(data.draw(st.lists(st.none() | instants(spec.zone), max_size=12)))
    encoder = fitted(spec, [])
    parts = encoder.encode(values).parts
    assert len(parts) == len(encoder.parts)
    for row, value in zip(rows(parts, len(values)), values.to_pylist(), strict=True):
        if value is None:
            assert row == ((0,), *[()] * (len(parts) - 1))
            continue
        for number, slots in enumerate(row):
            assert encoder.slots[slots[0]].part == number
            assert encoder.slots[slots[0]].start
            assert all(slot < 0 for slot in slots[1:])


@pytest.mark.slow
@given(st.data())
def test_fitting_merges_and_extends_without_moving_a_slot(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=True))
    first, second = (data.draw(st.lists(instants(spec.zone), max_size=8)) for _ in range(2))
    states = []
    for times in (first, second, first + second):
        state = TimestampState(spec)
        state.update(column(times))
        states.append(TimestampState.restore(spec, state.dump()))
    states[0].merge(states[1])
    assert states[0].dump().equals(states[2].dump())
    small = fitted(spec, first)
    extended = small.extend(states[2])
    assert extended.slots[: len(small.slots)] == small.slots
    own = [{slot.key for slot in e.slots if slot.kind != "delta"} for e in (extended, states[2].finalize())]
    assert own[0] == own[1]
    assert len({(slot.kind, slot.key) for slot in extended.slots}) == len(extended.slots)
    saved = TimestampEncoder.from_json(spec, json.loads(json.dumps(extended.to_json())))
    assert saved.slots == extended.slots
    assert saved.parts == extended.parts == ("delta", *spec.parts)


def test_names() -> None:
    encoder = fitted(Timestamp("time", parts=("year", "weekday", "month"), delta=True, delta_bins=2), [0])
    texts = [slot.text for slot in encoder.slots]
    assert texts[:4] == [" null", " year spell", " weekday=Mon", " weekday=Tue"]
    deltas = ["none", "0", "<1s", "1s..365d", ">=365d"]
    assert texts[-7:] == [" month=12", *(f" delta {name}" for name in deltas), " year=1970"]


def test_unseen_years_are_spelled_and_counted() -> None:
    encoder = fitted(Timestamp("time", parts=("month", "year")), [0])
    encoded = encoder.encode(column([0, 400 * DAY, None]))
    assert (encoded.spelled, encoded.missing) == (1, 1)
    assert rows(encoded.parts, 3)[1] == ((2,), (13, *(-1 - byte for byte in b"1971")))
    decoded = encoder.decode(encoded.parts, pa.timestamp("s")).to_pylist()
    assert decoded == [datetime(1970, 1, 1), datetime(1971, 2, 1), None]


@pytest.mark.parametrize(
    ("month", "reason"), [(2, "no time has month 2, day 30"), (40, "another part"), (0, "lacks a part")]
)
def test_cells_that_no_time_has_are_refused(month: int, reason: str) -> None:
    encoder = fitted(Timestamp("time", parts=("month", "day")), [])
    parts = [Cells(np.array([0]), np.array([slot], np.int32)) for slot in (month, 42)]
    with pytest.raises(DecodeError, match=reason):
        encoder.decode(parts, pa.timestamp("us"))


def test_a_spelled_year_must_be_a_number() -> None:
    encoder = fitted(Timestamp("time", parts=("year",)), [])
    for text in (b"", b"x", b"019", b"123456"):
        slots = np.array([1, *(-1 - byte for byte in text)], np.int32)
        cells = Cells(np.array([0]), slots, np.array([0, len(slots)]))
        with pytest.raises(DecodeError, match="a spelled year"):
            encoder.decode([cells], pa.timestamp("us"))


def test_time_must_not_run_backwards() -> None:
    encoder = fitted(Timestamp("time", delta=True), [])
    with pytest.raises(ValueError, match="order of time"):
        encoder.encode_history(np.array([1, 0]), np.array([0]))
    with pytest.raises(ValueError, match="order of time"):
        encoder.lookup_history(np.arange(1000))([1, 0])


def test_a_look_up_refuses_with_the_name_of_the_field() -> None:
    encoder = fitted(Timestamp("time"), [])
    with pytest.raises(DataError, match="column 'time': expected a time in ISO 8601, got 'x'"):
        encoder.lookup(np.arange(1000))(["x"])


@pytest.mark.parametrize("data", [{}, {"years": [1], "zone": {}}, {"years": 3}])
def test_what_is_no_encoder_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="not a "):
        TimestampEncoder.from_json(Timestamp("time", parts=("year",)), data)


def test_a_date_whose_midnight_is_skipped() -> None:
    """In 2018 clocks in Sao Paulo went from midnight straight to one in the morning of the 4th of November."""
    spec = Timestamp("time", parts=("hour",), zone="America/Sao_Paulo")
    encoder = fitted(spec, [])
    values = pa.array([date(2018, 11, 4)])
    encoded = encoder.encode(TimestampEncoder.prepare(spec, values).values)
    assert encoder.slots[rows(encoded.parts, 1)[0][0][0]].text == " hour=1"
    again = TimestampEncoder.prepare(spec, encoder.decode(encoded.parts, pa.date32())).values
    assert rows(encoder.encode(again).parts, 1) == rows(encoded.parts, 1)


def test_calendar_parts_are_those_of_the_zone() -> None:
    moment = datetime(2019, 12, 31, 23, 30, tzinfo=UTC)
    encoder = fitted(Timestamp("time", parts=PARTS, zone="Asia/Kathmandu"), [])
    row = rows(encoder.encode(pa.array([moment], pa.timestamp("us", "UTC"))).parts, 1)[0]
    assert [encoder.slots[slots[0]].text for slots in row] == [
        " year spell", " month=1", " day=1", " weekday=Wed", " hour=5", " minute=15"
    ]  # fmt: skip
