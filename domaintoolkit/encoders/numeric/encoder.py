"""Numbers as buckets, in numeric order, with an optional sign before and an optional finer step after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.numeric.bins import Histogram, Scale, scale_of
from domaintoolkit.encoders.numeric.bucket_index import cells_of
from domaintoolkit.encoders.numeric.nearest_value import nearby
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.schema import Numeric
from domaintoolkit.values.numbers import as_numbers, to_number
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import is_text

__all__ = ["NUMERIC", "NumericEncoder", "NumericState"]

NULL, NAN, MINUS, PLUS = 0, 1, 2, 3

Floats = NDArray[np.float64]


class NumericState(State):
    """A histogram on the leading bits of the float64 pattern, and the extremes. Exact to merge."""

    spec: Numeric

    def __init__(self, spec: Numeric) -> None:
        super().__init__(spec)
        self.cells = np.empty(0, np.int64)
        self.counts = np.empty(0, np.int64)
        self.low, self.high = math.inf, -math.inf

    def update(self, values: pa.Array) -> None:
        numbers = _finite(values)
        if self.spec.sign:
            numbers = np.abs(numbers)
        if not len(numbers):
            return
        self._widen(float(numbers.min()), float(numbers.max()))
        self._add(*_histogram(cells_of(numbers)))

    def merge(self, other: Self) -> None:
        self._widen(other.low, other.high)
        self._add(other.cells, other.counts)

    def _widen(self, low: float, high: float) -> None:
        self.low, self.high = min(self.low, low + 0.0), max(self.high, high + 0.0)

    def _add(self, cells: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
        if not len(self.cells):
            self.cells, self.counts = cells, counts
            return
        merged, where = np.unique(np.concatenate([self.cells, cells]), return_inverse=True)
        totals = np.zeros(len(merged), np.int64)
        np.add.at(totals, where, np.concatenate([self.counts, counts]))
        self.cells, self.counts = merged, totals

    def finalize(self) -> NumericEncoder:
        return NumericEncoder(self.spec, scale_of(self.spec, Histogram(self.cells, self.counts, self.low, self.high)))

    def dump(self) -> pa.Table:
        extremes = {b"low": self.low.hex().encode(), b"high": self.high.hex().encode()}
        return pa.table({"cell": self.cells, "count": self.counts}).replace_schema_metadata(extremes)

    @classmethod
    def restore(cls, spec: Numeric, table: pa.Table) -> Self:
        state = cls(spec)
        state.cells, state.counts = (table[name].to_numpy() for name in ("cell", "count"))
        metadata = table.schema.metadata
        state.low, state.high = (float.fromhex(metadata[name].decode()) for name in (b"low", b"high"))
        return state


def _finite(values: pa.Array) -> Floats:
    numbers = values.drop_null() if values.null_count else values
    floats = np.asarray(numbers, np.float64)
    finite = np.isfinite(floats)
    return floats if finite.all() else floats[finite]


_DENSE = 1 << 21


def _histogram(cells: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first = int(cells.min())
    # counting takes one pass and no sort, as long as the range of cells fits into memory
    if int(cells.max()) - first < _DENSE:
        counts = np.bincount(cells - first)
        used = np.flatnonzero(counts)
        return used + first, counts[used]
    return np.unique(cells, return_counts=True)


class NumericEncoder(Encoder):
    """Slots: null, NaN, with `sign` minus and plus, then the buckets, then the steps of `refine`."""

    spec: Numeric

    def __init__(self, spec: Numeric, scale: Scale) -> None:
        super().__init__(spec)
        self.scale = scale
        self.parts = (*(["sign"] if spec.sign else []), "bucket", *(["refine"] if spec.refine > 1 else []))
        self._first_bucket = PLUS + 1 if spec.sign else NAN + 1
        self._first_step = self._first_bucket + len(scale.names)
        self.slots = tuple(self._slots())
        self._tables = self._part_tables()

    def _slots(self) -> list[Slot]:
        slots = [Slot("null", "", " null", whole=True), Slot("nan", "", " NaN", whole=True)]
        part = 0
        if self.spec.sign:
            slots += [Slot("sign", "-", " -"), Slot("sign", "+", " +")]
            part = 1
        slots += [Slot("bucket", str(k), f" {name}", part) for k, name in enumerate(self.scale.names)]
        if self.spec.refine > 1:
            slots += [Slot("refine", str(k), f" step {k}", part + 1) for k in range(self.spec.refine)]
        return slots

    def _part_tables(self) -> list[Cells]:
        """For each part, the sequence of every code: codes are sign * fine buckets + fine, then null, then NaN."""
        fine = len(self.scale.bucket)
        signs = 2 if self.spec.sign else 1
        tables = []
        if self.spec.sign:
            tables.append(np.repeat(np.array([MINUS, PLUS]), fine))
        tables.append(np.tile(self.scale.bucket + self._first_bucket, signs))
        if self.spec.refine > 1:
            tables.append(np.tile(self.scale.step + self._first_step, signs))
        count = signs * fine
        made = []
        for number, table in enumerate(tables):
            slots = np.append(table, [NULL, NAN]).astype(np.int32) if number == 0 else table.astype(np.int32)
            lengths = np.ones(count + 2, np.int64)
            # null and NaN fill all parts, so the later parts are empty
            lengths[count:] = 1 if number == 0 else 0
            offsets = None if number == 0 else np.append(0, np.cumsum(lengths))
            made.append(Cells(np.empty(0, np.int32), slots, offsets))
        return made

    @property
    def _null_code(self) -> int:
        return len(self.scale.bucket) * (2 if self.spec.sign else 1)

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - the protocol
        return as_numbers(values)

    def encode(self, values: pa.Array) -> Encoded:
        missing = values.null_count
        floats = np.asarray(pc.fill_null(values, math.nan) if missing else values, np.float64)
        nan = np.isnan(floats)
        odd = bool(missing) or bool(nan.any())
        if odd:
            # any number will do: the codes of these rows are set below
            floats = np.where(nan, self.scale.low, floats)
        magnitude = np.abs(floats) if self.spec.sign else floats
        codes = self.scale.fine.of(magnitude)
        clipped = self.scale.outside(magnitude)
        if self.spec.sign:
            # codes of the minus come first, then those of the plus
            codes += (floats >= 0).astype(np.int32) * np.int32(len(self.scale.bucket))
        if odd:
            codes[nan] = self._null_code + 1
            codes[np.asarray(values.is_null())] = self._null_code
        used = self._tables if odd else [Cells(t.codes, t.slots[: self._null_code]) for t in self._tables]
        return Encoded([Cells(codes, t.slots, t.offsets) for t in used], clipped=clipped, missing=missing)

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        slots = [_slots_of(cells) for cells in parts]
        first = slots[0]
        null, nan = first == NULL, first == NAN
        regular = ~(null | nan)
        bucket = np.where(regular, slots[1 if self.spec.sign else 0] - self._first_bucket, 0)
        step = np.where(regular, slots[-1] - self._first_step, 0) if self.spec.refine > 1 else np.zeros_like(bucket)
        fine = self.scale.fine_of[bucket, step]
        if (fine < 0).any():
            raise DecodeError(f"field {self.spec.name!r}: a bucket has no such step")
        negative = first == MINUS if self.spec.sign else np.zeros(len(first), bool)
        if is_text(type):
            return self._values(pa.float64(), fine, negative, null, nan).cast(type)
        return self._values(type, fine, negative, null, nan)

    def _values(
        self, type: pa.DataType, fine: NDArray[np.int32], negative: NDArray[np.bool_],
        null: NDArray[np.bool_], nan: NDArray[np.bool_],
    ) -> pa.Array:  # fmt: skip
        floating = pa.types.is_floating(type)
        if nan.any() and not floating:
            return self._values(pa.float64(), fine, negative, null, nan)
        count = len(self.scale.bucket)
        # a representative is searched for only once for each code that occurs
        used = np.unique((fine + count * negative)[~(null | nan)])
        table: list[object] = [None] * (2 * count)
        for code in used.tolist():
            table[code] = self._representative(code % count, code >= count, type)
            if table[code] is None and type != pa.float64():
                return self._values(pa.float64(), fine, negative, null, nan)
        values = [*table, None, math.nan if floating else None]
        codes = np.where(null, 2 * count, np.where(nan, 2 * count + 1, fine + count * negative))
        distinct = pa.array(values, type, from_pandas=False)
        return distinct.take(pa.array(codes))

    def _representative(self, fine: int, negative: bool, type: pa.DataType) -> object:
        """A value of `type` in a bucket; None if the type has no value there."""
        sign = -1.0 if negative else 1.0
        near = [value for number in self.scale.candidates(fine) for value in nearby(sign * number, type)]
        for value in near:
            number = float(cast("float", value))
            if self.spec.sign and (number < 0) != negative:
                continue
            if self.scale.fine.one(abs(number) if self.spec.sign else number) == fine:
                return value
        return near[0] if type == pa.float64() else None

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        rows = self._null_code + 2
        table = [
            tuple(int(ids[slot]) for cells in self._tables for slot in cells.sequence(code)) for code in range(rows)
        ]
        null, one, count = self._null_code, self.scale.fine.one, len(self.scale.bucket)
        signed = self.spec.sign

        def code(value: Any) -> int:
            if value is None:
                return null
            number = value if value.__class__ is float else _number(value, self.spec.name)
            if number is None or number != number:
                return null + (number is not None)
            if signed:
                return one(abs(number)) + (count if number >= 0 else 0)
            return one(number)

        return lambda values: [table[code(value)] for value in values]

    def to_json(self) -> dict[str, Any]:
        return self.scale.to_json()

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> NumericEncoder:
        return cls(spec, Scale.from_json(spec, data))


def _slots_of(cells: Cells) -> NDArray[np.int64]:
    """The one slot of each row; -1 where the row has none."""
    if cells.offsets is None:
        return cells.slots[cells.codes].astype(np.int64)
    lengths = np.diff(cells.offsets)
    if len(lengths) and lengths.max() > 1:
        raise DecodeError("a number with more than one token in a part")
    slots = np.full(len(lengths), -1, np.int64)
    slots[lengths > 0] = cells.slots[cells.offsets[:-1][lengths > 0]]
    return slots[cells.codes]


def _number(value: Any, name: str) -> float | None:
    try:
        return to_number(value)
    except ValueError as error:
        raise DataError([Refusal(None, name, str(error))]) from None


NUMERIC = EncoderType("numeric", NumericState, NumericEncoder)
