"""Instants as calendar parts in a time zone, and the time since the entity's previous event."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.timestamp.calendar_parts import CalendarParts
from domaintoolkit.encoders.timestamp.deltas import NONE, DeltaBuckets, delta_buckets
from domaintoolkit.encoders.timestamp.single_instant import any_instants, near_instants
from domaintoolkit.encoders.timestamp.time_grain import TimeGrain
from domaintoolkit.encoders.timestamp.years import YearSet, part_values, years_of
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.schema import Timestamp
from domaintoolkit.times.intervals import TimeTokens
from domaintoolkit.times.zones import NO_TIME, ZoneTable, zone_table
from domaintoolkit.util.ragged import offsets_of
from domaintoolkit.values import write_formatted
from domaintoolkit.values.instants.column_instants import from_microseconds, to_microseconds
from domaintoolkit.values.instants.single_instants import to_microsecond
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import is_text

__all__ = ["TIMESTAMP", "TimestampEncoder", "TimestampState"]

NULL = 0
_CACHED = 100_000
"""Units of time that a look-up remembers."""


class TimestampState(State):
    """The years seen in the declared zone, if the year is one of the parts, and for a delta the grain of the times."""

    spec: Timestamp

    def __init__(self, spec: Timestamp) -> None:
        super().__init__(spec)
        self.seen, self.grain = YearSet(), TimeGrain()

    def update(self, values: pa.Array) -> None:
        if "year" in self.spec.parts or self.spec.delta:
            times, zone = _instants(values.drop_null()), zone_table(self.spec.zone)
            if "year" in self.spec.parts:
                self.seen.years |= years_of(zone.local(times))
            if self.spec.delta:
                self.grain.add(times, zone)

    def merge(self, other: Self) -> None:
        self.seen.merge(other.seen)
        self.grain.merge(other.grain)

    def finalize(self) -> TimestampEncoder:
        buckets = delta_buckets(self.spec.delta_bins, self.grain.unit, self.grain.reach) if self.spec.delta else None
        return TimestampEncoder(self.spec, zone_table(self.spec.zone), self.seen.add_to(()), buckets)

    def dump(self) -> pa.Table:
        return self.seen.dump().replace_schema_metadata(self.grain.dump())

    @classmethod
    def restore(cls, spec: Timestamp, table: pa.Table) -> Self:
        state = cls(spec)
        state.seen, state.grain = YearSet.restore(table), TimeGrain.restore(table)
        return state


class TimestampEncoder(Encoder):
    """Slots: null, those of the calendar parts, those of the delta, then the years, in the order of their arrival.

    The time since the previous event, if there is one, is the first part, since it says much of the calendar parts: an
    event at the instant of the one before has the same. Only `encode_history` gives it.
    """

    spec: Timestamp

    def __init__(self, spec: Timestamp, zone: ZoneTable, years: tuple[int, ...], buckets: DeltaBuckets | None) -> None:
        super().__init__(spec)
        self.zone, self.years, self.buckets = zone, years, buckets
        self.parts = (*(["delta"] if buckets else []), *spec.parts)
        before = len(self.parts) - len(spec.parts)
        names = buckets.names if buckets else []
        fixed = CalendarParts(spec.parts, (), 1, 0, before).fixed
        self._first_delta = 1 + len(fixed)
        self.calendar = CalendarParts(spec.parts, years, 1, self._first_delta + len(names), before)
        deltas = [Slot("delta", name, f" delta {name}", 0) for name in names]
        own_years = self.calendar.year.slots if self.calendar.year else []
        self.slots = (Slot("null", "", " null", whole=True), *fixed, *deltas, *own_years)

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:
        return to_microseconds(values, spec.zone, spec.time_form)

    def encode(self, values: pa.Array) -> Encoded:
        if self.buckets is not None:
            raise TypeError("a field with a delta is encoded history by history")
        if not values.null_count:
            cells, spelled = self.calendar.cells(self.zone.local(_instants(values)))
            return Encoded(cells, spelled=spelled)
        present = values.is_valid().to_numpy(zero_copy_only=False)
        cells, spelled = self.calendar.cells(self.zone.local(_instants(values.drop_null())))
        parts = [_with_nulls(part, present, number == 0) for number, part in enumerate(cells)]
        return Encoded(parts, spelled=spelled, missing=values.null_count)

    def encode_history(
        self, times: NDArray[np.int64], starts: NDArray[np.int64], previous: NDArray[np.int64] | None = None
    ) -> Encoded:
        """Events in µs, sorted by entity and time; `starts` are the first events of histories or windows.

        With `previous` (the time of each history's last event so far, in the order of the histories) the
        first events have a delta too. Events at `NO_TIME` are null. Raises `ValueError` if times are not in order.
        """
        if len(times) and times.min() == NO_TIME:
            return self._encode_around_nulls(times, starts)
        cells, spelled = self.calendar.cells(self.zone.local(times))
        if self.buckets is not None:
            # the buckets are the codes: each has one slot
            cells.insert(0, Cells(self._delta_codes(times, starts, previous), self._delta_slots()))
        return Encoded(cells, spelled=spelled)

    def _encode_around_nulls(self, times: NDArray[np.int64], starts: NDArray[np.int64]) -> Encoded:
        """Events in µs, of which the first of each history may have no time."""
        present = times != NO_TIME
        # (events + 1,) the number of events with a time before each; then the first of these in each history
        before = offsets_of(present.astype(np.int64))
        first, last = before[starts], before[np.append(starts[1:], len(times))]
        whole = self.encode_history(times[present], first[last > first])
        parts = [_with_nulls(part, present, number == 0) for number, part in enumerate(whole.parts)]
        return Encoded(parts, spelled=whole.spelled, missing=int((~present).sum()))

    def _delta_codes(
        self, times: NDArray[np.int64], starts: NDArray[np.int64], previous: NDArray[np.int64] | None
    ) -> NDArray[np.int16]:
        assert self.buckets is not None
        deltas = np.zeros(len(times), np.int64)
        np.subtract(times[1:], times[:-1], out=deltas[1:])
        # the first event of a history has no delta to the row before it
        deltas[starts] = 0 if previous is None else times[starts] - previous
        if len(deltas) and deltas.min() < 0:
            raise ValueError("the events of a history are not in the order of time")
        codes = self.buckets.of(deltas)
        if previous is None:
            codes[starts] = NONE
        return codes

    @property
    def no_delta(self) -> int | None:
        """The slot that says that no event came before; None if the field has no delta."""
        return None if self.buckets is None else self._first_delta + NONE

    def _delta_slots(self) -> NDArray[np.int32]:
        count = len(self.buckets.names) if self.buckets else 0
        return np.arange(count, dtype=np.int32) + np.int32(self._first_delta)

    def read(self, cells: Sequence[Cells]) -> TimeTokens:
        """The parts of times that the cells hold. Raises `DecodeError` for cells that `encode` never returns."""
        # (rows,) True for a null, which only the first part says
        null = np.asarray(_null_sequences(cells[0]), np.bool_)[cells[0].codes]
        first = _without_nulls(cells[0])
        columns = [first, *cells[1:]]
        own = columns[len(columns) - len(self.calendar.parts) :]
        parts = {
            part: self.calendar.values(part, column) for part, column in zip(self.calendar.parts, own, strict=True)
        }
        bucket = None
        if self.buckets is not None:
            bucket = part_values(first, self._first_delta, len(self.buckets.names), 0)
        for values in (*parts.values(), *([] if bucket is None else [bucket])):
            if ((values < 0) != null).any():
                raise DecodeError(f"field {self.spec.name!r}: a time lacks a part, or null has one")
        return TimeTokens(parts, bucket, null)

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        tokens = self.read(parts)
        if tokens.bucket is not None:
            raise TypeError("a field with a delta is decoded history by history")
        return self._column(any_instants(tokens, self.zone, type), tokens, type)

    def decode_near(self, parts: Sequence[Cells], type: pa.DataType, near: NDArray[np.int64]) -> pa.Array:
        """As `decode`, but with the times that are nearest to the days of `near` (rows,), which are in µs."""
        tokens = self.read(parts)
        return self._column(near_instants(tokens, self.zone, type, near), tokens, type)

    def _column(self, instants: NDArray[np.int64], tokens: TimeTokens, type: pa.DataType) -> pa.Array:
        pattern = self.spec.time_form.pattern
        if pattern is not None and is_text(type):
            walls = pa.array(instants, pa.timestamp("us", "UTC"))
            values = write_formatted(walls, pattern, self.zone).cast(type)
        else:
            values = from_microseconds(instants, type, self.zone)
        return values if not tokens.null.any() else values.take(pa.array(np.arange(len(values)), mask=tokens.null))

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        if self.buckets is not None:
            raise TypeError("a field with a delta is looked up history by history")
        find, null, form = self._finder(ids), (int(ids[NULL]),), self.spec.time_form

        def one(value: object) -> tuple[int, ...]:
            try:
                time = to_microsecond(value, self.zone, form)
            except DataError as error:
                raise DataError([Refusal(None, self.spec.name, error.refusals[0].reason)]) from None
            return null if time is None else find(time)

        return lambda values: [one(value) for value in values]

    def lookup_history(self, ids: NDArray[np.int64]) -> Callable[..., list[tuple[int, ...]]]:
        """A function from a history's times in µs, in order, to the ids of each; tables are built once.

        Its second argument, if given, is the time of the event before the first.
        """
        find = self._finder(ids)
        deltas = [(int(slot),) for slot in ids[self._delta_slots()]]
        # bucket 0 is that of a first event, so that the number of bounds up to a delta is its bucket
        bounds = [0, 1, *(self.buckets.edges if self.buckets else ())]

        def history(times: Sequence[int], previous: int | None = None) -> list[tuple[int, ...]]:
            if not deltas:
                return [find(time) for time in times]
            made = []
            for time in times:
                if previous is None:
                    delta = deltas[NONE]
                elif time >= previous:
                    delta = deltas[bisect_right(bounds, time - previous)]
                else:
                    raise ValueError("the events of a history are not in the order of time")
                made.append(delta + find(time))
                previous = time
            return made

        return history

    def _finder(self, ids: NDArray[np.int64]) -> Callable[[int], tuple[int, ...]]:
        """An instant in µs to the ids of its calendar parts; remembers units of time and the offset in force."""
        table: list[int] = ids.tolist()
        known: dict[int, tuple[int, ...]] = {}
        unit_of, slots_of, segment = self.calendar.unit_of, self.calendar.slots_of, self.zone.segment
        held = segment(0)

        def find(time: int) -> tuple[int, ...]:
            nonlocal held
            offset, start, end = held
            if not start <= time < end:
                # another thread may replace what is held at any moment
                held = fitting = segment(time)
                offset = fitting[0]
            unit = unit_of(time + offset)
            found = known.get(unit)
            if found is None:
                if len(known) >= _CACHED:
                    known.clear()
                found = known[unit] = tuple(table[slot] for part in slots_of(unit) for slot in part)
            return found

        return find

    def extend(self, state: TimestampState) -> TimestampEncoder:
        return TimestampEncoder(self.spec, self.zone, state.seen.add_to(self.years), self.buckets)

    def to_json(self) -> dict[str, Any]:
        edges = {} if self.buckets is None else {"edges": list(self.buckets.edges)}
        return {"zone": self.zone.to_json(), "years": list(self.years), **edges}

    @classmethod
    def from_json(cls, spec: Timestamp, data: dict[str, Any]) -> TimestampEncoder:
        try:
            years = tuple(int(year) for year in data["years"])
            edges = tuple(int(edge) for edge in data["edges"]) if spec.delta else ()
            return cls(spec, ZoneTable.from_json(data["zone"]), years, DeltaBuckets(edges) if edges else None)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a timestamp encoder: {error!r}") from None


def _instants(values: pa.Array) -> NDArray[np.int64]:
    """Timestamps without nulls as µs."""
    times: NDArray[np.int64] = values.view(pa.int64()).to_numpy()
    return times


def _with_nulls(cells: Cells, present: NDArray[np.bool_], leading: bool) -> Cells:
    """The cells of the present rows, and for each other row the null slot, or nothing in a later part."""
    count = len(cells.slots) if cells.offsets is None else len(cells.offsets) - 1
    # (rows,) one sequence more than there are: the last one is that of null
    codes = np.full(len(present), count, np.int32)
    codes[present] = cells.codes
    offsets = np.arange(count + 1, dtype=np.int64) if cells.offsets is None else cells.offsets
    slots = np.append(cells.slots, np.int32(NULL)) if leading else cells.slots
    return Cells(codes, slots, np.append(offsets, offsets[-1] + leading))


def _null_sequences(cells: Cells) -> NDArray[np.bool_]:
    """(sequences,) True for the sequence that is the null slot alone."""
    if cells.offsets is None:
        return np.equal(cells.slots, NULL)
    # (single,) sequences of one slot; only these can be the null slot alone
    single = np.flatnonzero(np.diff(cells.offsets) == 1)
    null = np.zeros(len(cells.offsets) - 1, np.bool_)
    null[single] = cells.slots[cells.offsets[single]] == NULL
    return null


def _without_nulls(cells: Cells) -> Cells:
    """The cells with an empty sequence in place of the null slot."""
    null = _null_sequences(cells)
    if not null.any():
        return cells
    lengths = np.ones(len(null), np.int64) if cells.offsets is None else np.diff(cells.offsets)
    # (slots,) True for the slots of other sequences
    kept = np.repeat(~null, lengths)
    return Cells(cells.codes, cells.slots[kept], offsets_of(np.where(null, 0, lengths)))


TIMESTAMP = EncoderType("timestamp", TimestampState, TimestampEncoder)
