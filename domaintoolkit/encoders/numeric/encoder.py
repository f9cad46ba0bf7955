"""Numbers as buckets, in numeric order, with an optional sign before and an optional finer step after."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.numeric.bins import Scale, scale_of
from domaintoolkit.encoders.numeric.bucket_values import BucketValues
from domaintoolkit.encoders.numeric.nearest_value import nearby
from domaintoolkit.encoders.numeric.seen_values import SeenValues
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.schema import Numeric
from domaintoolkit.values.numbers import as_numbers, to_number
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import is_text

__all__ = ["NUMERIC", "NumericEncoder", "NumericState", "slots_of", "tokens_of_codes"]

NULL, NAN, MINUS, PLUS = 0, 1, 2, 3

Floats = NDArray[np.float64]


class NumericState(State):
    """The finite numbers seen, with their counts. Exact to merge."""

    spec: Numeric

    def __init__(self, spec: Numeric) -> None:
        super().__init__(spec)
        self.seen = SeenValues()

    def update(self, values: pa.Array) -> None:
        self.seen.add(_finite(values))

    def merge(self, other: Self) -> None:
        self.seen.merge(other.seen)

    def finalize(self) -> NumericEncoder:
        scale = scale_of(self.spec, self.seen)
        return NumericEncoder(self.spec, scale, None).extend(self)

    def dump(self) -> pa.Table:
        return self.seen.dump()

    @classmethod
    def restore(cls, spec: Numeric, table: pa.Table) -> Self:
        state = cls(spec)
        state.seen = SeenValues.restore(table)
        return state


def _finite(values: pa.Array) -> Floats:
    numbers = values.drop_null() if values.null_count else values
    floats = np.asarray(numbers, np.float64)
    finite = np.isfinite(floats)
    return floats if finite.all() else floats[finite]


class NumericEncoder(Encoder):
    """Slots: null, NaN, with `sign` minus and plus, then the buckets, then the steps of `refine`."""

    spec: Numeric

    def __init__(self, spec: Numeric, scale: Scale, values: BucketValues | None) -> None:
        super().__init__(spec)
        self.scale = scale
        self.parts = (*(["sign"] if spec.sign else []), "bucket", *(["refine"] if spec.refine > 1 else []))
        self.first_bucket = PLUS + 1 if spec.sign else NAN + 1
        self.first_step = self.first_bucket + len(scale.names)
        self.slots = tuple(self._slots())
        self.tables = self._part_tables()
        nothing = np.empty(0, np.int64)
        self.values = values or BucketValues.of(self.null_code, nothing, np.empty(0), nothing, np.empty(0))

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
        tables.append(np.tile(self.scale.bucket + self.first_bucket, signs))
        if self.spec.refine > 1:
            tables.append(np.tile(self.scale.step + self.first_step, signs))
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
    def null_code(self) -> int:
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
        codes, clipped = self.codes(floats)
        if odd:
            codes[nan] = self.null_code + 1
            codes[np.asarray(values.is_null())] = self.null_code
        # without null and NaN every part has one token a row, which is faster to write
        used = self.tables if odd else [Cells(t.codes, t.slots[: self.null_code]) for t in self.tables]
        return Encoded([Cells(codes, t.slots, t.offsets) for t in used], clipped=clipped, missing=missing)

    def codes(self, floats: Floats) -> tuple[NDArray[np.int32], int]:
        """(code of each number, how many lie outside the fitted range)."""
        magnitude = np.abs(floats) if self.spec.sign else floats
        codes = self.scale.fine.of(magnitude)
        if self.spec.sign:
            # codes of the minus come first, then those of the plus
            codes += (floats >= 0).astype(np.int32) * np.int32(len(self.scale.bucket))
        return codes, self.scale.outside(magnitude)

    def is_outside(self, floats: Floats) -> NDArray[np.bool_]:
        """(rows,) True for a number outside the fitted range."""
        magnitude = np.abs(floats) if self.spec.sign else floats
        return np.asarray((magnitude < self.scale.low) | (magnitude > self.scale.high))

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        return self.decode_slots([slots_of(cells) for cells in parts], type, None)

    def sample(self, parts: Sequence[Cells], type: pa.DataType, chances: Floats) -> pa.Array:
        return self.decode_slots([slots_of(cells) for cells in parts], type, chances)

    def decode_slots(self, slots: list[NDArray[np.int64]], type: pa.DataType, chances: Floats | None) -> pa.Array:
        """The values of rows with one slot in each part, -1 if it is empty; drawn ones with `chances`."""
        codes = self._read(slots)
        if chances is None:
            return self._values(codes, codes, type)
        null = self.null_code
        drawn = self.values.draw(np.minimum(codes, null - 1), chances)
        return self._values(codes, np.where((codes < null) & (drawn >= 0), null + 2 + drawn, codes), type)

    def _read(self, slots: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """(rows,) the code that the tokens of each row say."""
        first = slots[0]
        null, nan = first == NULL, first == NAN
        regular = ~(null | nan)
        bucket = np.where(regular, slots[1 if self.spec.sign else 0] - self.first_bucket, 0)
        step = np.where(regular, slots[-1] - self.first_step, 0) if self.spec.refine > 1 else np.zeros_like(bucket)
        # (rows,) -1 for a step that the bucket does not have
        fine = self.scale.fine_of[bucket, step].astype(np.int64)
        if (fine < 0).any():
            raise DecodeError(f"field {self.spec.name!r}: a bucket has no such step")
        if self.spec.sign:
            fine += len(self.scale.bucket) * (first != MINUS)
        return np.where(null, self.null_code, np.where(nan, self.null_code + 1, fine))

    def _values(self, codes: NDArray[np.int64], choices: NDArray[np.int64], type: pa.DataType) -> pa.Array:
        """A value for each row: choice c below null and NaN is the nearest value of bucket c, above a drawn one."""
        if is_text(type):
            return self._values(codes, choices, pa.float64()).cast(type)
        floating, null = pa.types.is_floating(type), self.null_code
        used, first, places = np.unique(choices, return_index=True, return_inverse=True)
        if not floating and (used == null + 1).any():
            return self._values(codes, choices, pa.float64())
        table: list[object] = []
        # a value is searched for only once for each choice that occurs
        for choice, code in zip(used.tolist(), codes[first].tolist(), strict=True):
            if choice in (null, null + 1):
                table.append(None if choice == null else math.nan)
                continue
            seen = float(self.values.nearest[choice] if choice < null else self.values.values[choice - null - 2])
            value = self._representative(code, seen, type)
            if value is None and type != pa.float64():
                return self._values(codes, choices, pa.float64())
            table.append(value)
        return pa.array(table, type, from_pandas=False).take(pa.array(places))

    def _representative(self, code: int, seen: float, type: pa.DataType) -> object:
        """A value of `type` in a bucket: the one `seen`, unless that is NaN; None if the type has no value there."""
        count = len(self.scale.bucket)
        fine, negative = code % count, self.spec.sign and code < count
        numbers = [] if math.isnan(seen) else [seen]
        numbers += [-number if negative else number for number in self.scale.candidates(fine)]
        near = [value for number in numbers for value in nearby(number, type)]
        for value in near:
            number = float(cast("float", value))
            if self.spec.sign and (number < 0) != negative:
                continue
            if self.scale.fine.one(abs(number) if self.spec.sign else number) == fine:
                return value
        return near[0] if type == pa.float64() else None

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        table, code = tokens_of_codes(self.tables, self.null_code + 2, ids), self.coder()
        return lambda values: [table[code(value)] for value in values]

    def coder(self) -> Callable[[Any], int]:
        """A function from a Python value to its code; raises `DataError` if it is not a number."""
        null, one, count = self.null_code, self.scale.fine.one, len(self.scale.bucket)
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

        return code

    def to_json(self) -> dict[str, Any]:
        return {**self.scale.to_json(), "seen": self.values.to_json()}

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> NumericEncoder:
        made = cls(spec, Scale.from_json(spec, data), None)
        return cls(spec, made.scale, BucketValues.from_json(made.null_code, data["seen"]))

    def extend(self, state: NumericState) -> NumericEncoder:
        """The same buckets, which decode to values that also come from `state`."""
        return self.with_values(state.seen)

    def with_values(self, seen: SeenValues) -> NumericEncoder:
        """The same buckets, which decode to values that also come from `seen`."""
        values, counts, means = seen.points()
        codes = self.codes(values)[0].astype(np.int64)
        return NumericEncoder(self.spec, self.scale, self.values.extend(codes, values, counts, means))


def tokens_of_codes(tables: Sequence[Cells], codes: int, ids: NDArray[np.int64]) -> list[tuple[int, ...]]:
    """The tokens of each code, those of all parts one after another; `ids[slot]` is the id of a slot."""
    return [tuple(int(ids[slot]) for cells in tables for slot in cells.sequence(code)) for code in range(codes)]


def slots_of(cells: Cells) -> NDArray[np.int64]:
    """(rows,) the one slot of each row; -1 if the row has none."""
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
