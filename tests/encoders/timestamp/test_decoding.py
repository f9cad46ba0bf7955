from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from drawn_times import column, fitted, flat, histories, rows, specs
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders.timestamp.decoding import decode_instants
from domaintoolkit.encoders.timestamp.exact_search import search
from domaintoolkit.errors import DecodeError
from domaintoolkit.schema import Timestamp
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.intervals import Moment, moments


@pytest.mark.slow
@given(st.data())
def test_decoded_times_give_the_same_tokens(data: st.DataObject) -> None:
    spec = data.draw(specs(delta=data.draw(st.booleans())))
    given_times = data.draw(histories(spec.zone, most=24))
    times, first, offsets = flat(given_times)
    encoder = fitted(spec, times[: data.draw(st.integers(0, len(times)))])
    cells = encoder.encode_history(times, offsets[:-1]).parts
    risen = np.append(False, times[1:] > times[:-1])
    later = first | (risen & np.array(data.draw(st.lists(st.booleans(), min_size=len(times), max_size=len(times)))))
    found = decode_instants(encoder, cells, times[offsets[:-1]] // DAY, offsets, later)
    assert rows(encoder.encode_history(found, offsets[:-1]).parts, len(times)) == rows(cells, len(times))
    steps = np.diff(found)[~first[1:]]
    assert (steps >= later[1:][~first[1:]]).all()
    assert (found[offsets[:-1]] // DAY == times[offsets[:-1]] // DAY).all()


@pytest.mark.slow
@given(st.data())
def test_without_a_time_field_only_the_order_and_the_anchor_hold(data: st.DataObject) -> None:
    times, first, offsets = flat(data.draw(histories("UTC", most=20)))
    later = np.append(False, times[1:] > times[:-1]) & ~first
    found = decode_instants(None, [], times[offsets[:-1]] // DAY, offsets, later)
    assert (np.diff(found)[~first[1:]] >= later[1:][~first[1:]]).all()
    assert (found[offsets[:-1]] // DAY == times[offsets[:-1]] // DAY).all()


@pytest.mark.slow
@given(st.data())
def test_search_and_sweep_both_find_times(data: st.DataObject) -> None:
    """Few histories are searched, many are swept; both must hold for the same ones."""
    spec = data.draw(specs(delta=True))
    history = data.draw(histories(spec.zone, most=1))[0]
    for copies in (1, 20):
        times, _, offsets = flat([history] * copies)
        encoder = fitted(spec, times)
        cells = encoder.encode_history(times, offsets[:-1]).parts
        found = decode_instants(encoder, cells, times[offsets[:-1]] // DAY, offsets, np.zeros(len(times), bool))
        assert rows(encoder.encode_history(found, offsets[:-1]).parts, len(times)) == rows(cells, len(times))


def test_whole_seconds_where_they_will_do() -> None:
    spec = Timestamp("time", parts=("weekday", "hour"), delta=True, zone="Europe/Berlin")
    rng = np.random.default_rng(5)
    steps = rng.integers(1, 10_000, 50) * 1_000_000
    times, _, offsets = flat([(1_569_888_000_000_000 + np.cumsum(steps)).tolist() for _ in range(20)])
    encoder = fitted(spec, times)
    cells = encoder.encode_history(times, offsets[:-1]).parts
    found = decode_instants(encoder, cells, times[offsets[:-1]] // DAY, offsets, np.zeros(len(times), bool))
    assert (found % 1_000_000 == 0).all()


def test_a_day_that_no_event_can_have_is_refused_with_its_place() -> None:
    spec = Timestamp("time", parts=("weekday",), delta=True)
    encoder = fitted(spec, [])
    times, _, offsets = flat([[0, 1_000_000], [DAY, 2 * DAY]])
    cells = encoder.encode_history(times, offsets[:-1]).parts
    with pytest.raises(DecodeError, match="stream 1: event 0: no time agrees") as raised:
        decode_instants(encoder, cells, np.array([0, 2]), offsets, np.zeros(4, bool))
    assert raised.value.stream == 1


def test_deltas_out_of_place_are_refused() -> None:
    encoder = fitted(Timestamp("time", parts=("hour",), delta=True), [])
    times, _, offsets = flat([[0, 0, DAY]])
    cells = encoder.encode_history(times, offsets[:-1]).parts
    with pytest.raises(DecodeError, match="event 1: events at the same time are not in their order"):
        decode_instants(encoder, cells, np.zeros(1, np.int64), offsets, np.array([False, True, False]))
    with pytest.raises(DecodeError, match="stream 1: event 0: a first event has"):
        decode_instants(encoder, cells, np.zeros(2, np.int64), np.array([0, 1, 3]), np.zeros(3, bool))


@pytest.mark.slow
def test_minutes_alone_across_a_half_hour_change() -> None:
    """Only a clock put back by half an hour explains minute 30 some 30 minutes after minute 30."""
    change = datetime(2019, 4, 6, 15, tzinfo=UTC)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    moment = [(change + timedelta(minutes=m) - epoch) // timedelta(microseconds=1) for m in (-25, 5)]
    early = (datetime(1990, 1, 1, tzinfo=UTC) - epoch) // timedelta(microseconds=1)
    spec = Timestamp("time", parts=("minute",), delta=True, delta_bins=100, zone="Australia/Lord_Howe")
    times, _, offsets = flat([[early, *moment]])
    encoder = fitted(spec, times)
    cells = encoder.encode_history(times, offsets[:-1]).parts
    found = decode_instants(encoder, cells, times[:1] // DAY, offsets, np.zeros(3, bool))
    assert rows(encoder.encode_history(found, offsets[:-1]).parts, 3) == rows(cells, 3)


def test_a_long_history_does_not_recurse() -> None:
    times, _, offsets = flat([[number * 7_000_000 for number in range(5_000)]])
    encoder = fitted(Timestamp("time", parts=("weekday", "hour"), delta=True), times)
    cells = encoder.encode_history(times, offsets[:-1]).parts
    found = decode_instants(encoder, cells, np.zeros(1, np.int64), offsets, np.zeros(len(times), bool))
    assert rows(encoder.encode_history(found, offsets[:-1]).parts, 5_000) == rows(cells, 5_000)


def test_search_gives_up_on_what_cannot_be() -> None:
    encoder = fitted(Timestamp("time", parts=("minute",), delta=True), [])
    kinds = [Moment(minute=0), Moment(minute=30), Moment(minute=45)]
    shifts = [(0, 1), (366 * DAY, 367 * DAY), (1_000_000, 2_000_000)]
    with pytest.raises(DecodeError, match="event 2"):
        search(encoder.zone, kinds, shifts, 0)


def test_moments_are_the_parts_of_each_row() -> None:
    encoder = fitted(Timestamp("time", parts=("hour", "month")), [])
    tokens = encoder.read(encoder.encode(column([0, None])).parts)
    assert moments(tokens)[0] == Moment(month=1, hour=0)
    assert tokens.null.tolist() == [False, True]
