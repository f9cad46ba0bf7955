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

__all__ = [
    "INFINITIES",
    "NUMERIC",
    "NumericEncoder",
    "NumericState",
    "find_infinities",
    "infinities_of",
    "slots_of",
    "tokens_of_codes",
    "with_infinities",
]

NULL, NAN, MINUS, PLUS = 0, 1, 2, 3

Floats = NDArray[np.float64]


INFINITIES = {"+": math.inf, "-": -math.inf}
"""The infinities, by the key of the token that one gets if fitting saw it."""

INFINITE = b"infinite"
"""The key in the metadata of counts that says which infinities were seen."""


class NumericState(State):
    """The finite numbers seen, with their counts, and which infinities were. Exact to merge."""

    spec: Numeric

    def __init__(self, spec: Numeric) -> None:
        super().__init__(spec)
        self.seen = SeenValues()
        self.infinities: frozenset[str] = frozenset()

    def update(self, values: pa.Array) -> None:
        numbers = values.drop_null() if values.null_count else values
        floats = np.asarray(numbers, np.float64)
        finite = np.isfinite(floats)
        if not finite.all():
            self.infinities |= find_infinities(floats)
            floats = floats[finite]
        self.seen.add(floats)

    def note_others(self, values: pa.Array) -> None:
        numbers = as_numbers(values).values.drop_null()
        self.infinities |= find_infinities(np.asarray(numbers, np.float64))

    def merge(self, other: Self) -> None:
        self.seen.merge(other.seen)
        self.infinities |= other.infinities

    def finalize(self) -> NumericEncoder:
        scale = scale_of(self.spec, self.seen)
        return NumericEncoder(self.spec, scale, None).extend(self)

    def dump(self) -> pa.Table:
        return with_infinities(self.seen.dump(), self.infinities)

    @classmethod
    def restore(cls, spec: Numeric, table: pa.Table) -> Self:
        state = cls(spec)
        state.seen, state.infinities = SeenValues.restore(table), infinities_of(table)
        return state


def find_infinities(floats: Floats) -> frozenset[str]:
    """The keys of the infinities among numbers."""
    return frozenset(key for key, number in INFINITIES.items() if (floats == number).any())


def with_infinities(counts: pa.Table, keys: frozenset[str]) -> pa.Table:
    """The table of a state's counts that also says which infinities were seen."""
    found = {INFINITE: "".join(sorted(keys)).encode()} if keys else {}
    return counts.replace_schema_metadata({**(counts.schema.metadata or {}), **found})


def infinities_of(counts: pa.Table) -> frozenset[str]:
    """The infinities that the table of a state's counts says were seen."""
    return frozenset((counts.schema.metadata or {}).get(INFINITE, b"").decode())


class NumericEncoder(Encoder):
    """Slots: null, NaN, with `sign` minus and plus, then the buckets, the steps of `refine`, and the infinities.

    An infinity has a token if fitting saw it, and decodes to itself; otherwise it is a number beyond the outermost
    bucket like any other. If no number was seen at all, there is none that a number could decode to: it is NaN.
    """

    spec: Numeric

    def __init__(
        self, spec: Numeric, scale: Scale, values: BucketValues | None, infinities: Sequence[str] = ()
    ) -> None:
        super().__init__(spec)
        self.scale, self.infinities = scale, tuple(infinities)
        self.parts = (*(["sign"] if spec.sign else []), "bucket", *(["refine"] if spec.refine > 1 else []))
        self.first_bucket = PLUS + 1 if spec.sign else NAN + 1
        self.first_step = self.first_bucket + len(scale.names)
        self.first_infinity = self.first_step + (spec.refine if spec.refine > 1 else 0)
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
        slots += [Slot("infinite", key, f" {INFINITIES[key]}", whole=True) for key in self.infinities]
        return slots

    def _part_tables(self) -> list[Cells]:
        """For each part, the sequence of every code.

        Codes are sign * fine buckets + fine, then null, NaN and the infinities that have tokens.
        """
        # slots that stand for a whole value
        whole = [NULL, NAN, *range(self.first_infinity, self.first_infinity + len(self.infinities))]
        fine = len(self.scale.bucket)
        signs = 2 if self.spec.sign else 1
        tables = []
        if self.spec.sign:
            tables.append(np.repeat(np.array([MINUS, PLUS]), fine))
        tables.append(np.tile(self.scale.bucket + self.first_bucket, signs))
        if self.spec.refine > 1:
            tables.append(np.tile(self.scale.step + self.first_step, signs))
        # codes of numbers: all fine buckets, twice if the sign has a part of its own
        count = signs * fine
        made = []
        for number, table in enumerate(tables):
            slots = np.append(table, whole).astype(np.int32) if number == 0 else table.astype(np.int32)
            lengths = np.ones(count + len(whole), np.int64)
            # null, NaN and infinities fill all parts, so the later parts are empty
            lengths[count:] = 1 if number == 0 else 0
            offsets = None if number == 0 else np.append(0, np.cumsum(lengths))
            made.append(Cells(np.empty(0, np.int32), slots, offsets))
        return made

    @property
    def null_code(self) -> int:
        return len(self.scale.bucket) * (2 if self.spec.sign else 1)

    @property
    def is_blank(self) -> bool:
        """True if no number was seen, so that every number is NaN: any other would be one that never was."""
        return self.scale.is_blank and not len(self.values.values)

    @property
    def code_count(self) -> int:
        """The number of codes."""
        return self.null_code + 2 + len(self.infinities)

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
        if self.is_blank:
            clipped, odd, nan = int(np.count_nonzero(~nan)), True, np.ones(len(floats), np.bool_)
        if odd:
            codes[nan] = self.null_code + 1
            codes[np.asarray(values.is_null())] = self.null_code
        if clipped and self.infinities:
            infinite = self.code_infinities(floats, codes)
            clipped, odd = clipped - infinite, odd or bool(infinite)
        # without whole tokens every part has one token a row, which is faster to write
        used = self.tables if odd else [Cells(t.codes, t.slots[: self.null_code]) for t in self.tables]
        return Encoded([Cells(codes, t.slots, t.offsets) for t in used], clipped=clipped, missing=missing)

    def code_infinities(self, floats: Floats, codes: NDArray[np.int32]) -> int:
        """Write the codes of the infinities that have tokens into `codes`, and count them."""
        count = 0
        for number, key in enumerate(self.infinities):
            rows = floats == INFINITIES[key]
            codes[rows] = self.null_code + 2 + number
            count += int(np.count_nonzero(rows))
        return count

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
        return self._values(codes, np.where((codes < null) & (drawn >= 0), self.code_count + drawn, codes), type)

    def _read(self, slots: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        """(rows,) the code that the tokens of each row say."""
        first = slots[0]
        null, nan, infinite = first == NULL, first == NAN, first >= self.first_infinity
        regular = ~(null | nan | infinite)
        bucket = np.where(regular, slots[1 if self.spec.sign else 0] - self.first_bucket, 0)
        step = np.where(regular, slots[-1] - self.first_step, 0) if self.spec.refine > 1 else np.zeros_like(bucket)
        # (rows,) -1 for a step that the bucket does not have
        fine = self.scale.fine_of[bucket, step].astype(np.int64)
        if (fine < 0).any():
            raise DecodeError(f"field {self.spec.name!r}: a bucket has no such step")
        if self.spec.sign:
            fine += len(self.scale.bucket) * (first != MINUS)
        fine = np.where(infinite, self.null_code + 2 + first - self.first_infinity, fine)
        return np.where(null, self.null_code, np.where(nan, self.null_code + 1, fine))

    def _values(self, codes: NDArray[np.int64], choices: NDArray[np.int64], type: pa.DataType) -> pa.Array:
        """A value for each row: choice c below null is the nearest value of bucket c, above the codes a drawn one."""
        if is_text(type):
            return self._values(codes, choices, pa.float64()).cast(type)
        floating, null = pa.types.is_floating(type), self.null_code
        # (choices that occur,) twice, and (rows,) the place of each row's choice among them
        used, first, places = np.unique(choices, return_index=True, return_inverse=True)
        drawn = self.code_count
        if not floating and ((used > null) & (used < drawn)).any():
            return self._values(codes, choices, pa.float64())
        table: list[object] = []
        # a value is searched for only once for each choice that occurs
        for choice, code in zip(used.tolist(), codes[first].tolist(), strict=True):
            if null <= choice < drawn:
                whole = [None, math.nan, *(INFINITIES[key] for key in self.infinities)]
                table.append(whole[choice - null])
                continue
            seen = float(self.values.nearest[choice] if choice < null else self.values.values[choice - drawn])
            value = self._representative(code, seen, type)
            if value is None and type != pa.float64():
                return self._values(codes, choices, pa.float64())
            table.append(value)
        return pa.array(table, type, from_pandas=False).take(pa.array(places))

    def _representative(self, code: int, seen: float, type: pa.DataType) -> object:
        """A value of `type` in a bucket: the one `seen`, unless that is NaN; None if the type has no value there."""
        if self.is_blank:
            return math.nan if pa.types.is_floating(type) else None
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
        table, code = tokens_of_codes(self.tables, self.code_count, ids), self.coder()
        return lambda values: [table[code(value)] for value in values]

    def coder(self) -> Callable[[Any], int]:
        """A function from a Python value to its code; raises `DataError` if it is not a number."""
        null, one, count = self.null_code, self.scale.fine.one, len(self.scale.bucket)
        signed, is_blank = self.spec.sign, self.is_blank
        infinite = {INFINITIES[key]: null + 2 + number for number, key in enumerate(self.infinities)}

        def code(value: Any) -> int:
            if value is None:
                return null
            number = value if value.__class__ is float else _number(value, self.spec.name)
            if number is None or number != number:
                return null + (number is not None)
            if number in infinite:
                return infinite[number]
            if is_blank:
                return null + 1
            if signed:
                return one(abs(number)) + (count if number >= 0 else 0)
            return one(number)

        return code

    def to_json(self) -> dict[str, Any]:
        infinite = {"infinite": list(self.infinities)} if self.infinities else {}
        return {**self.scale.to_json(), "seen": self.values.to_json(), **infinite}

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> NumericEncoder:
        made, infinities = cls(spec, Scale.from_json(spec, data), None), data.get("infinite", [])
        if len(set(infinities)) < len(infinities) or not INFINITIES.keys() >= set(infinities):
            raise ValueError("not infinities")
        return cls(spec, made.scale, BucketValues.from_json(made.null_code, data["seen"]), infinities)

    def extend(self, state: NumericState) -> NumericEncoder:
        """The same buckets, which decode to values that also come from `state`, and tokens for its infinities."""
        return self.with_values(state.seen, state.infinities)

    def with_values(self, seen: SeenValues, infinities: frozenset[str] = frozenset()) -> NumericEncoder:
        """The same buckets, which decode to values that also come from `seen`, and tokens for these infinities too."""
        values, counts, means = seen.points()
        codes = self.codes(values)[0].astype(np.int64)
        known = (*self.infinities, *sorted(infinities - set(self.infinities)))
        return NumericEncoder(self.spec, self.scale, self.values.extend(codes, values, counts, means), known)


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
