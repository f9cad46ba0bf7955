"""Categorical values: frequent ones are tokens of their own; the rest is spelled, or hashed into buckets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, byte_slots
from domaintoolkit.encoders.categorical.hash_preimages import preimages
from domaintoolkit.encoders.categorical.levels import Levels, pieces_of
from domaintoolkit.encoders.counts import CountState
from domaintoolkit.errors import DataError, DecodeError, Refusal
from domaintoolkit.schema import Categorical
from domaintoolkit.util.hashing import hash_text
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.values.columns import codes_of, find_outside
from domaintoolkit.values.prepared import Ints, Prepared
from domaintoolkit.values.value_names import as_categories, as_text, name_of, parse_names, write_names

__all__ = ["CATEGORICAL", "CategoricalEncoder", "CategoricalState"]

NULL = 0
_CACHED = 100_000
_MAX_RANGE, _ROW_RANGE = 1 << 19, 4
"""The widest range of whole numbers that are their own codes: at most so many numbers, and so many for each row."""


class CategoricalState(CountState):
    """Exact counts of the values seen."""

    spec: Categorical

    def finalize(self) -> CategoricalEncoder:
        counts = self.counts()
        levels = Levels.fit(self.spec, counts)
        return CategoricalEncoder(self.spec, levels, _index_hashed(self.spec, levels, counts))


def _frequent_first(counts: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """The places of at most `size` counts that are larger than all others, the largest first, then of the others."""
    places = np.arange(len(counts))
    least = np.partition(counts, -size)[-size] if len(counts) > size else 0  # sorting all would take longer
    frequent = counts > least
    chosen = places[frequent]
    return np.concatenate([chosen[np.argsort(-counts[frequent], kind="stable")], places[~frequent]])


def _index_hashed(spec: Categorical, levels: Levels, counts: pa.Table) -> dict[int, str]:
    """For each hash bucket that a value seen in fitting falls into, the most frequent such value."""
    if spec.unseen != "hash":
        return {}
    found: dict[int, str] = {}
    size = max(16 * spec.hash_buckets, 1 << 12)  # so many values fill nearly all buckets
    order = _frequent_first(np.asarray(counts["count"]), size)
    for start in range(0, len(order), size):
        some = counts["value"].take(pa.array(order[start : start + size]))
        unseen = some.filter(pc.invert(pc.is_in(some, levels.values_of(0)))).combine_chunks()
        hashes = hash_text(unseen) % np.uint64(spec.hash_buckets)
        buckets, first = np.unique(hashes, return_index=True)
        # what was found before stays: `|` takes the value of its right side
        found = dict(zip(buckets.tolist(), unseen.take(pa.array(first)).to_pylist(), strict=True)) | found
        if len(found) == spec.hash_buckets:
            break
    return dict(sorted(found.items()))


class CategoricalEncoder(Encoder):
    """Slots: null, then the spell marker of each level (or the hash buckets), then values, as they came."""

    spec: Categorical

    def __init__(self, spec: Categorical, levels: Levels, observed: dict[int, str]) -> None:
        super().__init__(spec)
        self._levels = levels
        self._observed = observed
        self._preimages: dict[pa.DataType, pa.Array] = {}
        self._range: tuple[int, NDArray[np.int32]] = (0, np.empty(0, np.int32))
        """The lowest number of a range, and the slot of each number in it, -1 for those not looked up yet."""
        # the slots before those of values: null, then the buckets or the spell markers
        self._fixed = 1 + (spec.hash_buckets if spec.unseen == "hash" else levels.depth)

    @cached_property
    def slots(self) -> tuple[Slot, ...]:  # type: ignore[override] # of thousands of values, and encoding needs none
        return tuple(self._slots())

    @property
    def pieces(self) -> NDArray[np.bool_]:
        return np.zeros(self._fixed + len(self._levels.values), bool)

    def _slots(self) -> list[Slot]:
        slots = [Slot("null", "", " null")]
        if self.spec.unseen == "hash":
            slots += [Slot("hash", str(k), f" #{k}") for k in range(self.spec.hash_buckets)]
        else:
            for level in range(self._levels.depth):
                kind, text = ("spell", " spell") if level == 0 else (f"spell{level}", f" .{level} spell")
                slots.append(Slot(kind, "", text, start=level == 0, fusible=False))
        heads = [("value", "="), *((f"value{level}", f" .{level}=") for level in range(1, self._levels.depth))]
        levels, values = zip(*self._levels.values, strict=True) if self._levels.values else ((), ())
        kinds, texts = (
            [heads[level][0] for level in levels],
            [heads[level][1] + value for level, value in zip(levels, values, strict=True)],
        )
        starts = [level == 0 for level in levels]
        columns = zip(kinds, values, texts, repeat(0), starts, repeat(True), repeat(False))
        return [*slots, *map(tuple.__new__, repeat(Slot), columns)]  # a quarter of the time of Slot(...)

    @cached_property
    def _texts(self) -> pa.Array:
        """The text of each slot in bytes, and after these each byte itself, from the last to the first."""
        lead = (self.spec.separator or "").encode()
        texts = [b""] * self._fixed
        if self.spec.unseen == "spell":
            # the marker of a deeper level says the separator before it
            texts[2:] = [lead] * (self._levels.depth - 1)
        texts += [(lead if level else b"") + value.encode() for level, value in self._levels.values]
        return pa.array([*texts, *(bytes([byte]) for byte in range(255, -1, -1))], pa.large_binary())

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - the protocol
        return as_categories(values)

    def encode(self, values: pa.Array) -> Encoded:
        if self.spec.unseen == "hash":
            codes, slots = self._codes_in_range(values) or self._hashed_codes(values)
            hashed = slots_between(slots, 1, self._fixed)
            counts = _rows(codes, np.stack([hashed, slots == NULL]))
            return Encoded([Cells(codes, slots)], hashed=counts[0], missing=counts[1])
        codes, distinct = codes_of(values)
        distinct = distinct.cast(pa.string())
        slots, offsets, unseen = self._sequences(distinct)
        counts = _rows(codes, np.stack([unseen, np.asarray(distinct.is_null())]))
        return Encoded([Cells(codes, slots, offsets)], spelled=counts[0], missing=counts[1])

    def _hashed_codes(self, values: pa.Array) -> tuple[Ints, NDArray[np.int32]]:
        codes, distinct = codes_of(values)
        return codes, self._hash_values(distinct.cast(pa.string()))

    def _codes_in_range(self, values: pa.Array) -> tuple[Ints, NDArray[np.int32]] | None:
        """(codes, slots) of whole numbers in a narrow range, which are codes themselves; None for other values.

        The slots of the range stay known, so that a number is spelled and hashed once, not in every part of a table.
        """
        if not pa.types.is_integer(values.type) or values.null_count or not len(values):
            return None
        numbers = np.asarray(values)
        low, high = int(numbers.min()), int(numbers.max())
        start, known = self._range
        if len(known):
            low, high = min(low, start), max(high, start + len(known) - 1)
        if high - low >= min(_MAX_RANGE, _ROW_RANGE * len(numbers)) or high >= 1 << 63:
            return None
        if (low, high - low + 1) != (start, len(known)):
            # a new array: another thread may be reading the old one
            wider = np.full(high - low + 1, -1, np.int32)
            if len(known):
                wider[start - low : start - low + len(known)] = known
            self._range, known = (low, wider), wider
        codes = numbers.astype(np.int64)
        codes -= low
        # found by marks in the range, in half the time of finding distinct codes
        there = np.zeros(len(known), np.bool_)
        there[codes] = True
        fresh = np.flatnonzero(there & (known < 0))
        if len(fresh):
            known[fresh] = self._hash_values(pa.array(fresh + low).cast(values.type).cast(pa.string()))
        # numbers in the range that are not values have no slot, and no row has them
        return codes, np.maximum(known, 0)

    def _hash_values(self, distinct: pa.Array) -> NDArray[np.int32]:
        # (distinct,) a value without a token is found at -1, and so below `_fixed`
        slots = self._levels.find(distinct, np.zeros(len(distinct), np.int32)) + self._fixed
        unseen = slots < self._fixed
        if unseen.any():
            buckets = hash_text(distinct.filter(pa.array(unseen))) % np.uint64(self.spec.hash_buckets)
            slots[unseen] = 1 + buckets.astype(np.int32)
        slots[np.asarray(distinct.is_null())] = NULL
        return slots

    def _sequences(self, distinct: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.int64] | None, NDArray[np.bool_]]:
        """(slots, offsets, spelled) of the sequence of each distinct value."""
        pieces, firsts, levels = pieces_of(distinct, self.spec.separator, self._levels.depth)
        found = self._levels.find(pieces, levels)
        slots = np.where(found >= 0, found + self._fixed, 1 + levels).astype(np.int32)
        slots[np.asarray(pieces.is_null())] = NULL
        spelled = (found < 0) & (slots != NULL)
        if not spelled.any() and len(pieces) == len(distinct):
            return slots, None, spelled
        # (pieces + 1,) where the slots of each piece begin, and (slots,)
        ends, flat = _spell(pieces, slots, spelled)
        # (distinct,) every value has at least one piece, which `reduceat` needs
        any_spelled = np.add.reduceat(spelled, firsts[:-1]) > 0 if len(distinct) else spelled
        return flat, ends[firsts], any_spelled

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        (cells,) = parts
        offsets = cells.offsets if cells.offsets is not None else np.arange(len(cells.slots) + 1)
        # byte b is the slot -1 - b, which counts from the end of the table
        texts = self._texts.take(pa.array(np.where(cells.slots < 0, len(self._texts) + cells.slots, cells.slots)))
        # taken texts lie one after another, so a whole value is a range of them: no text is copied again
        ends = np.frombuffer(texts.buffers()[1], np.int64, len(texts) + 1)[offsets]
        whole = pa.Array.from_buffers(pa.large_binary(), len(ends) - 1, [None, pa.py_buffer(ends), texts.buffers()[2]])
        # (sequences,) the first slot of each tells null, hashed and other values apart
        first = cells.slots[np.minimum(offsets[:-1], max(len(cells.slots) - 1, 0))] if len(cells.slots) else cells.slots
        values = self._cast_values(whole, first, type)
        return values.take(pa.array(cells.codes))

    def _cast_values(self, whole: pa.Array, first: NDArray[np.int32], type: pa.DataType) -> pa.Array:
        try:
            text = whole.cast(pa.large_string())
        except pa.ArrowInvalid:
            raise DecodeError(f"field {self.spec.name!r}: a spelled value is not valid Unicode") from None
        if self.spec.unseen == "hash":
            buckets = np.where((first >= 1) & (first < self._fixed), first - 1, -1)
            text = pc.if_else(pa.array(buckets >= 0), self._hashed_values(buckets, type), text)
        text = pc.if_else(pa.array(first == NULL), pa.scalar(None, text.type), text)
        return _as_fitted(text, type)

    def _hashed_values(self, buckets: NDArray[np.int64], type: pa.DataType) -> pa.Array:
        """A value of each bucket (-1: any), as text; not of `type` if the bucket has no value of that type."""
        places = pa.array(np.maximum(buckets, 0))
        for kind in (type, pa.large_string()):
            if kind not in self._preimages:
                known = self._levels.values_of(0)
                self._preimages[kind] = preimages(self._observed, self.spec.hash_buckets, known, kind)
            values = self._preimages[kind].take(places)
            if not (np.asarray(values.is_null()) & (buckets >= 0)).any():
                break
        return values

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        table: dict[object, tuple[int, ...]] = {None: (int(ids[NULL]),)}
        if self._levels.depth == 1:
            table |= {value: (int(ids[self._fixed + k]),) for k, (_, value) in enumerate(self._levels.values)}
        known = len(table)

        def find(values: Sequence[object]) -> list[tuple[int, ...]]:
            try:
                return [
                    table[value] if value.__class__ is str or value is None else table[_text(value)] for value in values
                ]
            except KeyError:
                texts = [_text(value) for value in values]
            if len(table) > known + _CACHED:
                for value in list(table)[known:]:
                    table.pop(value, None)
            # found first: another thread may empty the table at any moment
            found = {text: table.get(text) or self._one(text, ids) for text in dict.fromkeys(texts)}
            table.update(found.items())
            return [found[text] for text in texts]

        return find

    def _one(self, text: str | None, ids: NDArray[np.int64]) -> tuple[int, ...]:
        prepared = as_text(pa.array([text], pa.string())).values
        return tuple(ids[self.encode(prepared).parts[0].sequence(0)].tolist())

    def to_json(self) -> dict[str, Any]:
        return {
            "depth": self._levels.depth,
            "levels": [level for level, _ in self._levels.values],
            "values": [value for _, value in self._levels.values],
            "observed": {str(bucket): value for bucket, value in sorted(self._observed.items())},
        }

    @classmethod
    def from_json(cls, spec: Categorical, data: dict[str, Any]) -> CategoricalEncoder:
        values = tuple(zip(map(int, data["levels"]), map(str, data["values"]), strict=True))
        levels = Levels(int(data["depth"]), values)
        return cls(spec, levels, {int(bucket): str(value) for bucket, value in data["observed"].items()})

    def extend(self, state: CategoricalState) -> CategoricalEncoder:
        counts = state.counts()
        levels = self._levels.extend(self.spec, counts)
        observed = _index_hashed(self.spec, levels, counts) | self._observed
        known = set(levels.values_of(0).to_pylist())
        return CategoricalEncoder(self.spec, levels, {k: v for k, v in observed.items() if v not in known})


def _as_fitted(text: pa.Array, type: pa.DataType) -> pa.Array:
    """Values in the fitted type; as text if the type would write one otherwise: `S` and `007` are not integers."""
    try:
        values = parse_names(text, type)
        again = write_names(values).cast(text.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return text.cast(pa.string())
    # Arrow reads the year 0, which no calendar has
    return values if again.equals(text) and not find_outside(values) else text.cast(pa.string())


def slots_between(slots: NDArray[np.int32], low: int, high: int) -> NDArray[np.bool_]:
    return (slots >= low) & (slots < high)


def _rows(codes: Ints, flags: NDArray[np.bool_]) -> list[int]:
    """The number of rows that carry each flag of their distinct value."""
    if not flags.any():
        return [0] * len(flags)
    # (distinct,) rows of each value; flags are (flags, distinct)
    counts = np.bincount(codes, minlength=flags.shape[1])
    return [int(counts[flag].sum()) for flag in flags]


def _spell(
    pieces: pa.Array, slots: NDArray[np.int32], spelled: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """(offset of each piece and the end, slots): a spelled piece is its marker and then its bytes."""
    binary = pieces.cast(pa.large_binary())
    spans = np.frombuffer(binary.buffers()[1], np.int64, len(binary) + 1, binary.offset * 8)
    # (pieces,) bytes that follow the marker; a piece with a token of its own has none
    lengths = np.where(spelled, np.diff(spans), 0)
    ends = offsets_of(lengths + 1)
    flat = np.empty(ends[-1], np.int32)
    flat[ends[:-1]] = slots
    data = binary.buffers()[2]
    if data is not None:
        text = byte_slots(data)
        flat[positions(ends[:-1] + 1, lengths)] = text[positions(spans[:-1], lengths)]
    return ends, flat


def _text(value: object) -> str | None:
    """A Python value as `as_text` writes it."""
    if value is None or value.__class__ is str:
        return value
    try:
        return name_of(value)
    except ValueError as error:
        raise DataError([Refusal(None, None, str(error))]) from None


CATEGORICAL = EncoderType("categorical", CategoricalState, CategoricalEncoder)
