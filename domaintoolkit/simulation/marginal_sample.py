"""`MarginalSample`: simulated rows whose columns are distributed as the marginals say, each by itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.simulation.marginals import Marginal, Marginals

__all__ = ["MarginalSample"]

LOT = 256
"""Entities that are drawn together."""

DAY, HOUR = 86_400_000_000, 3_600_000_000
NIGHT = 6 * HOUR
"""A pause after which the hour of the day is drawn anew."""

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Drawn:
    """The histories of a lot: for each row its entity, its number in the history, its session and its time."""

    # (rows,) each
    number: Ints
    entity: Ints
    place: Ints
    session: Ints
    line: Ints
    session_place: Ints
    time: Ints


@dataclass(frozen=True)
class MarginalSample:
    """A `Sample` of a domain: histories of independent events, with keys that are made up."""

    marginals: Marginals

    @classmethod
    def read(cls, path: str | Path) -> MarginalSample:
        """The sample of the marginals in a JSON file."""
        return cls(Marginals.read(path))

    def __call__(self, events: int, seed: int) -> Iterator[pa.RecordBatch]:
        """About `events` rows, entity by entity, equal for equal `seed`."""
        made, lot = 0, 0
        while made < events:
            rng = np.random.default_rng([seed, lot])
            drawn = self._histories(rng, lot, events)
            rows = min(len(drawn.number), events - made)
            arrays = [self._column(rng, name, drawn).slice(0, rows) for name in self.marginals.columns]
            yield pa.RecordBatch.from_arrays(arrays, list(self.marginals.columns))
            made, lot = made + rows, lot + 1

    @cached_property
    def _time(self) -> Marginal | None:
        return None if self.marginals.time is None else self.marginals.columns[self.marginals.time]

    def _histories(self, rng: np.random.Generator, lot: int, events: int) -> Drawn:
        """The histories of a lot; none is so long that a sample would have few."""
        longest = max(20, events // 10)
        lengths = np.clip(np.rint(_draw_between(rng, self.marginals.lengths, LOT)), 1, longest).astype(np.int64)
        entity = np.repeat(np.arange(LOT), lengths)
        starts = np.cumsum(lengths) - lengths  # (LOT,) the first row of each entity
        place = np.arange(len(entity)) - starts[entity]
        times = self._times(rng, entity, place)
        order = np.lexsort((times, entity))
        times = times[order]
        # (rows,) events of one moment stay in one session
        later = np.append(True, times[1:] > times[:-1]) if self._time is not None else np.ones(len(times), bool)
        fresh = (place == 0) | (later & (rng.random(len(times)) < self.marginals.new_session))
        session = np.cumsum(fresh) - 1
        begins = np.flatnonzero(fresh)
        line = np.arange(len(times)) - begins[session]  # (rows,) the number of the event within its session
        session_place = session - session[starts][entity]  # (rows,) the number of the session within its history
        # each lot has keys of its own
        number = entity + lot * LOT
        return Drawn(number, entity, place, session + lot * 1_000_000, line, session_place, times)

    def _times(self, rng: np.random.Generator, entity: Ints, place: Ints) -> Ints:
        spec = self._time
        if spec is None:
            return np.zeros(len(entity), np.int64)
        pauses = (_draw_between(rng, spec.quantiles, len(entity)) * 1e6).astype(np.int64)
        first = (rng.random(LOT) * spec.span).astype(np.int64)
        steps = np.where(place == 0, first[entity], pauses)
        total = np.cumsum(steps)
        starts = np.flatnonzero(place == 0)
        # (rows,) one running sum over all entities, less what it was before each
        elapsed = total - (total[starts] - steps[starts])[entity]
        # a history that runs past the end goes on at the beginning: `_histories` sorts it again
        times = spec.start + elapsed % max(spec.span, 1)
        if spec.hours:
            hours = rng.choice(24, len(entity), p=np.array(spec.hours) / sum(spec.hours))
            within = (rng.random(len(entity)) * HOUR).astype(np.int64)
            is_new = (place == 0) | (pauses > NIGHT)
            # times of one moment stay together
            times = np.where(is_new, times // DAY * DAY + hours * HOUR + within, times)
            times = np.where(pauses == 0, _previous(times, place), times)
        whole: Ints = times // spec.step * spec.step
        return whole

    def _column(self, rng: np.random.Generator, name: str, drawn: Drawn) -> pa.Array:
        spec = self.marginals.columns[name]
        rows = len(drawn.number)
        if spec.kind == "time" and name == self.marginals.time:
            values: Any = drawn.time
        elif spec.kind == "key":
            numbers = drawn.session if name == self.marginals.session else drawn.number
            return _keys(spec, numbers)
        elif spec.kind == "counter":
            counts = {"event": drawn.place, "session": drawn.session_place, "line": drawn.line}[spec.counts]
            values = counts + spec.first
        elif spec.is_static:
            return _draw(rng, spec, LOT).take(pa.array(drawn.entity))
        else:
            return _draw(rng, spec, rows)
        return _to_column(spec, values, None)


def _previous(values: Ints, place: Ints) -> Ints:
    """The value of the row before, or the row's own if it is the first of its history."""
    numbers = np.arange(len(values))
    return values[np.where(place == 0, numbers, numbers - 1)]


def _draw_between(rng: np.random.Generator, quantiles: tuple[float, ...], size: int) -> NDArray[np.float64]:
    """Draws from the distribution that has these quantiles."""
    if not quantiles:
        return np.ones(size)
    # the inverse of the distribution, linear between the quantiles, at uniform numbers
    made: NDArray[np.float64] = np.interp(rng.random(size), np.linspace(0, 1, len(quantiles)), quantiles)
    return made


def _keys(spec: Marginal, numbers: Ints) -> pa.Array:
    """Made-up keys, in the order of their numbers."""
    if spec.type != "string":
        return _to_column(spec, numbers + spec.first, None)
    return pa.array([_fill(spec.shape, int(number)) for number in numbers], pa.string())


def _fill(shape: str, number: int) -> str:
    """A shape filled with a number from the right; a number that is too long for it comes in front."""
    out: list[str] = []
    for mark in reversed(shape):
        if mark == "0":
            number, digit = divmod(number, 10)
            out.append(str(digit))
        elif mark == "a":
            number, digit = divmod(number, 26)
            out.append("abcdefghijklmnopqrstuvwxyz"[digit])
        else:
            out.append(mark)
    return (str(number) if number or not shape else "") + "".join(reversed(out))


def _draw(rng: np.random.Generator, spec: Marginal, size: int) -> pa.Array:
    null = rng.random(size) < spec.missing
    if null.all():
        null[rng.integers(size)] = False
    if spec.kind == "text":
        return _to_column(spec, _texts(rng, spec, size), null)
    if spec.kind == "time":
        times = spec.start + (rng.random(size) * max(spec.span, 1)).astype(np.int64)
        return _to_column(spec, times // spec.step * spec.step, null)
    left = max(0.0, 1.0 - sum(spec.weights))
    chances = np.array([*spec.weights, left])  # the last one is for values that are made up
    chosen = rng.choice(len(chances), size, p=chances / chances.sum())
    if spec.kind == "number":
        others = np.round(_draw_between(rng, spec.quantiles, size), spec.decimals)
        known = np.array([*spec.values, 0.0], np.float64)
        return _to_column(spec, np.where(chosen == len(spec.values), others, known[chosen]), null)
    made = [_fill(spec.shape, int(k)) for k in rng.integers(0, 1_000, size)]
    values = [made[row] if k == len(spec.values) else spec.values[k] for row, k in enumerate(chosen)]
    return _to_column(spec, values, null)


def _texts(rng: np.random.Generator, spec: Marginal, size: int) -> list[str]:
    lengths = np.clip(np.rint(_draw_between(rng, spec.quantiles, size)), 1, 60).astype(np.int64)
    weights = np.array(spec.weights) / sum(spec.weights)
    words = rng.choice(len(spec.values), int(lengths.sum()), p=weights)
    ends = np.cumsum(lengths)  # (size,) text i has the words from `ends[i] - lengths[i]` to `ends[i]`
    return [
        " ".join(spec.values[k] for k in words[end - length : end]) for end, length in zip(ends, lengths, strict=True)
    ]


def _to_column(spec: Marginal, values: Any, null: NDArray[np.bool_] | None) -> pa.Array:
    """Values in the type of the reader's column."""
    kind = TYPES[spec.type]
    if spec.type == "int64" and not isinstance(values, list):
        values = np.rint(values).astype(np.int64)
    if spec.type in ("timestamp", "date"):
        instants = pa.array(values, pa.int64(), mask=null).cast(TYPES["timestamp"])
        return instants.cast(pa.timestamp("us")).cast(kind) if spec.type == "date" else instants
    if isinstance(values, list):
        return pa.array([None if null is not None and null[row] else value for row, value in enumerate(values)], kind)
    return pa.array(values, mask=null).cast(kind)
