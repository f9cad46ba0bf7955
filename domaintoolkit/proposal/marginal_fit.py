"""The marginals of a table: only what many entities share is kept of its values."""

from __future__ import annotations

import re
from collections import Counter as CountOf
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.schema import Column, Numeric, Reader, Schema, Text
from domaintoolkit.simulation import Counter, Marginal, Marginals

__all__ = ["fit_marginals"]

SHARED = 5
"""Entities that must have a value for it to be kept; otherwise it could tell who somebody is."""

VALUES = 200
"""Values of a category, and words of a text, at most."""

POINTS = 33
"""Quantiles; the ends are those of 1% and 99%, since a largest value belongs to somebody."""

FREQUENT = 0.03
"""The share from which on a number has a place of its own."""

Ints = NDArray[np.int64]


def fit_marginals(table: pa.Table, schema: Schema, reader: Reader) -> Marginals:
    """The marginals of the rows of `table`, which is in the types of the reader."""
    entity = _codes(table, schema.entity)
    there = entity >= 0
    if schema.time is not None:
        there &= table[schema.time].is_valid().to_numpy()
    table = table.filter(pa.array(there))
    entity = np.unique(entity[there], return_inverse=True)[1]
    order = _order(table, schema, entity)
    table, entity = table.take(pa.array(order)), entity[order]
    sessions = _codes(table, (schema.session,)) if schema.session is not None else entity
    fit = _Fit(schema, entity, sessions)
    columns = {column.name: fit.column(column, _plain(table[column.name])) for column in reader.columns}
    lengths = np.bincount(entity)
    return Marginals(
        tuple(schema.entity), schema.time, schema.session, _quantiles(lengths), fit.new_session(table), columns
    )


def _plain(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    whole = whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)
    return whole.cast(whole.type.value_type) if pa.types.is_dictionary(whole.type) else whole


def _codes(table: pa.Table, names: Any) -> Ints:
    made = np.zeros(len(table), np.int64)
    null = np.zeros(len(table), bool)
    for name in names:
        coded = _plain(table[name]).dictionary_encode()
        own = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        null |= own < 0
        made = np.unique(made * (len(coded.dictionary) + 1) + own + 1, return_inverse=True)[1].astype(np.int64)
    return np.where(null, -1, made)


def _order(table: pa.Table, schema: Schema, entity: Ints) -> Ints:
    """The rows by entity and time, those of one time as they stand."""
    times = np.zeros(len(table), np.int64) if schema.time is None else _microseconds(_plain(table[schema.time]))
    order: Ints = np.lexsort((np.arange(len(table)), times, entity))
    return order


def _microseconds(array: pa.Array) -> Ints:
    numbers: Ints = pc.fill_null(array.cast(pa.timestamp("us", "UTC")).cast(pa.int64()), 0).to_numpy(
        zero_copy_only=False
    )
    return numbers


def _quantiles(values: Any, low: float = 0.01) -> tuple[float, ...]:
    """Quantiles with four digits each."""
    if not len(values):
        return ()
    found = np.quantile(np.asarray(values, np.float64), np.linspace(low, 1 - low, POINTS))
    return tuple(float(f"{value:.4g}") for value in found)


class _Fit:
    """The rows of a table by entity and time: `entity` and `sessions` have a code a row."""

    def __init__(self, schema: Schema, entity: Ints, sessions: Ints) -> None:
        self.schema, self.entity = schema, entity
        same = entity[1:] == entity[:-1]
        self.is_next = np.append(False, same)
        self.is_same_session = np.append(False, same & (sessions[1:] == sessions[:-1]))
        self.static = {spec.name for spec in schema.static}
        self.fields = {spec.name: spec for spec in (*schema.static, *schema.fields)}
        # a table of few entities would keep nothing else
        self.least = min(SHARED, max(1, len(np.unique(entity)) // 4))

    def new_session(self, table: pa.Table) -> float:
        """The chance that an event that is later than the one before it begins a session."""
        if self.schema.session is None:
            return 0.0
        later = self.is_next.copy()
        if self.schema.time is not None:
            times = _microseconds(_plain(table[self.schema.time]))
            later &= np.append(False, times[1:] > times[:-1])
        return float(1 - self.is_same_session[later].mean()) if later.any() else 0.0

    def column(self, column: Column, values: pa.Array) -> Marginal:
        """The marginal of one column."""
        name = column.name
        is_key = name in self.schema.entity or name == self.schema.session
        if name in self.schema.order_by and not is_key and column.type == "int64":
            return self._counter(column, values)
        if is_key:
            return self._key(column, values)
        missing = round(values.null_count / max(len(values), 1), 4)
        if column.type in ("timestamp", "date"):
            return self._time(column, values, missing)
        spec = self.fields.get(name)
        if isinstance(spec, Text):
            return self._text(column, values, missing)
        if isinstance(spec, Numeric) or column.type == "float64":
            return self._number(column, values, missing)
        return self._category(column, values, missing)

    def _key(self, column: Column, values: pa.Array) -> Marginal:
        if column.type == "string":
            return Marginal("key", "string", shape=_shape(values) or "a0000000")
        low = pc.min(values).as_py() if len(values) else 1
        # made-up keys have as many digits as the real ones, and begin at a round number
        power = 10 ** max(len(str(abs(int(low or 1)))) - 1, 0)
        return Marginal("key", column.type, first=power)

    def _counter(self, column: Column, values: pa.Array) -> Marginal:
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        steps = np.append(0.0, np.diff(numbers))
        within, between = steps[self.is_same_session], steps[self.is_next & ~self.is_same_session]
        counts: Counter = "event"
        if self.schema.session is not None:
            if len(within) and (within == 0).mean() > 0.95:
                counts = "session"
            elif len(between) and (between <= 0).mean() > 0.3:
                counts = "line"
        first = numbers[~self.is_next]
        return Marginal("counter", "int64", counts=counts, first=int(np.median(first)) if len(first) else 1)

    def _time(self, column: Column, values: pa.Array, missing: float) -> Marginal:
        name = column.name
        times = _microseconds(values.cast(pa.timestamp("us")) if pa.types.is_date(values.type) else values)
        own = times[values.is_valid().to_numpy(zero_copy_only=False)]
        step = next(
            size
            for size in (86_400_000_000, 60_000_000, 1_000_000, 1_000, 1)
            if not len(own) or (own % size == 0).mean() > 0.999
        )
        low, high = (int(q) for q in np.quantile(own, [0.01, 0.99])) if len(own) else (0, 0)
        low -= low % step
        # a column of one moment has a step as its span
        span = max(high - low, step)
        pauses: tuple[float, ...] = ()
        hours: tuple[float, ...] = ()
        if name == self.schema.time:
            pauses = _quantiles(np.diff(times)[self.is_next[1:]] / 1e6)
        if step < 3_600_000_000 and name == self.schema.time and column.time_origin is None:
            # one more each, so that every hour can occur
            counts = np.bincount(own // 3_600_000_000 % 24, minlength=24) + 1
            hours = tuple(round(float(share), 4) for share in counts / counts.sum())
        return Marginal(
            "time",
            column.type,
            missing,
            name in self.static,
            quantiles=pauses,
            start=low,
            span=span,
            step=step,
            hours=hours,
        )

    def _shared(self, codes: Ints, size: int) -> NDArray[np.bool_]:
        """(values,): True for values that enough entities have."""
        there = codes >= 0
        # one number for each entity and value that it has
        pairs = np.unique(self.entity[there] * (size + 1) + codes[there])
        return np.bincount(pairs % (size + 1), minlength=size)[:size] >= self.least

    def _coded(self, values: pa.Array) -> tuple[Ints, list[Any]]:
        coded = values.dictionary_encode()
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return codes, coded.dictionary.to_pylist()

    def _kept(self, values: pa.Array, least: float) -> tuple[list[Any], list[float]]:
        """The values that are frequent enough and shared, the most frequent first, and the share of each."""
        codes, known = self._coded(values)
        own = codes[codes >= 0]
        counts = np.bincount(own, minlength=len(known)) / max(len(own), 1)
        order = np.argsort(-counts, kind="stable")
        shared = self._shared(codes, len(known))
        kept = [int(k) for k in order if shared[k] and counts[k] >= least][:VALUES]
        return [known[k] for k in kept], [round(float(counts[k]), 6) for k in kept]

    def _category(self, column: Column, values: pa.Array, missing: float) -> Marginal:
        known, shares = self._kept(values, 0.0)
        if not known and column.type != "string":
            known, shares = ([True, False], [0.5, 0.5]) if column.type == "bool" else ([0, 1], [0.5, 0.5])
        if column.type != "string":
            shares = [share / sum(shares) for share in shares]
        shape = _shape(values) if column.type == "string" else ""
        if column.set_separator is not None or _has_separator(self.fields.get(column.name)):
            shape = ""
            shares = [share / sum(shares) for share in shares] if shares else []
        if not shape and sum(shares) < 0.999 and column.type == "string":
            shares = [share / sum(shares) for share in shares] if shares else shares
            shape = "" if shares else "a000"
        return Marginal(
            "category", column.type, missing, column.name in self.static, tuple(known),
            tuple(round(share, 6) for share in shares), shape,
        )  # fmt: skip

    def _number(self, column: Column, values: pa.Array, missing: float) -> Marginal:
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        known, shares = self._kept(values, FREQUENT)
        pairs = [(value, share) for value, share in zip(known, shares, strict=True) if np.isfinite(value)]
        decimals = next((n for n in range(7) if np.allclose(np.round(finite, n), finite, rtol=1e-12, atol=1e-12)), 6)
        rest = finite[~np.isin(finite, [value for value, _ in pairs])] if len(finite) else finite
        quantiles = _quantiles(rest if len(rest) else finite)
        if not quantiles and not pairs:
            quantiles = (0.0, 1.0)
        return Marginal(
            "number", column.type, missing, column.name in self.static, tuple(value for value, _ in pairs),
            tuple(share for _, share in pairs), quantiles=quantiles, decimals=0 if column.type == "int64" else decimals,
        )  # fmt: skip

    def _text(self, column: Column, values: pa.Array, missing: float) -> Marginal:
        codes, texts = self._coded(values)
        lengths = [len(texts[code].split()) for code in codes[codes >= 0][:50_000]]
        owners: dict[str, set[int]] = {}
        counts: CountOf[str] = CountOf()
        for code, who in zip(codes[:50_000], self.entity[:50_000], strict=True):
            for word in texts[code].split() if code >= 0 else ():
                counts[word] += 1
                owners.setdefault(word, set()).add(int(who))
        kept = [word for word, _ in counts.most_common(4 * VALUES) if len(owners[word]) >= self.least][:VALUES]
        kept = kept or ["some", "words", "of", "text"]
        total = sum(counts[word] or 1 for word in kept)
        return Marginal(
            "text", "string", missing, column.name in self.static, tuple(kept),
            tuple(round((counts[word] or 1) / total, 6) for word in kept), quantiles=_quantiles(lengths),
        )  # fmt: skip


def _has_separator(spec: Any) -> bool:
    return getattr(spec, "separator", None) is not None


def _shape(values: pa.Array) -> str:
    """The shape that most values have, with `0` for digits and `a` for letters; "" if they have too many."""
    sample = [value for value in values.slice(0, 5_000).to_pylist() if value]
    shapes = CountOf(re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "0", value)) for value in sample)
    if not shapes:
        return ""
    shape, _ = shapes.most_common(1)[0]
    return shape[:40] if re.fullmatch(r"[\w.#/:+-]+", shape) and any(mark in "0a" for mark in shape) else ""
