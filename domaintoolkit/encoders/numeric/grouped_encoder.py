"""Numbers whose buckets depend on what they measure, which another field of the event says.

The token of a bucket says what is measured too, so tokens decode alone. A prepared column is a struct of the number and
the name of the thing; a value for `lookup` is a pair of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders.base import Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.numeric.bins import scale_of
from domaintoolkit.encoders.numeric.encoder import (
    INFINITIES,
    NumericEncoder,
    find_infinities,
    infinities_of,
    slots_of,
    tokens_of_codes,
    with_infinities,
)
from domaintoolkit.encoders.numeric.grouped_values import GroupedValues
from domaintoolkit.encoders.numeric.seen_values import SeenValues
from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.schema import Numeric
from domaintoolkit.util.ragged import split_groups
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.numbers import as_numbers
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.value_names import name_of

__all__ = ["GROUPED_NUMERIC", "GroupedNumericEncoder", "GroupedNumericState", "pair_columns"]

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]


def pair_columns(numbers: pa.Array, things: pa.Array) -> pa.Array:
    """A prepared column of numbers and one of the categories that say what they measure, as one column."""
    codes, distinct = codes_of(things)
    names = pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), distinct.cast(pa.string()))
    return pa.StructArray.from_arrays([numbers, names], ["number", "thing"])


class GroupedNumericState(State):
    """The finite numbers seen of each thing, with their counts. Exact to merge."""

    spec: Numeric

    def __init__(self, spec: Numeric) -> None:
        super().__init__(spec)
        self.seen = GroupedValues(spec.name)
        self.infinities: frozenset[str] = frozenset()

    def update(self, values: pa.Array) -> None:
        floats, codes, names = _split(values)
        finite = np.isfinite(floats)
        if not finite.all():
            self.infinities |= find_infinities(floats)
        self.seen.add(codes[finite], names.to_pylist(), floats[finite])

    def note_others(self, values: pa.Array) -> None:
        numbers = as_numbers(values).values.drop_null()
        self.infinities |= find_infinities(np.asarray(numbers, np.float64))

    def merge(self, other: Self) -> None:
        self.seen.merge(other.seen)
        self.infinities |= other.infinities

    def frequent(self) -> dict[str, SeenValues]:
        """The counts of the things that have buckets of their own, the most frequent first."""
        groups = self.seen.groups()
        totals = {name: total for name, seen in groups.items() if (total := seen.total()) >= self.spec.by_min_count}
        chosen = sorted(totals, key=lambda name: (-totals[name], name))[: self.spec.by_size]
        return {name: groups[name] for name in chosen}

    def finalize(self) -> GroupedNumericEncoder:
        rest = self.seen.union(self.frequent())
        # too few numbers give no buckets that a new thing's numbers would fit
        shared = rest if rest.total() >= self.spec.by_min_count else self.seen.union()
        spec = replace(self.spec, by=None)
        common = NumericEncoder(spec, scale_of(spec, shared), None)
        return GroupedNumericEncoder(self.spec, common, {}).extend(self)

    def dump(self) -> pa.Table:
        return with_infinities(self.seen.dump(), self.infinities)

    @classmethod
    def restore(cls, spec: Numeric, table: pa.Table) -> Self:
        state = cls(spec)
        state.seen, state.infinities = GroupedValues.restore(spec.name, table), infinities_of(table)
        return state


def _split(values: pa.Array) -> tuple[Floats, NDArray[np.integer], pa.Array]:
    """(numbers, NaN if null; the code of the thing of each; the name of each code) of a prepared column."""
    numbers, things = values.flatten()
    codes, names = codes_of(things)
    floats = np.asarray(pc.fill_null(numbers, math.nan) if numbers.null_count else numbers, np.float64)
    return floats, codes, names


class GroupedNumericEncoder(Encoder):
    """Slots: those of the encoder that things without own buckets share, then the buckets of each other thing.

    Null, NaN, infinities, signs and the steps of `refine` are the same for all.
    """

    spec: Numeric

    def __init__(self, spec: Numeric, common: NumericEncoder, groups: Mapping[str, NumericEncoder]) -> None:
        super().__init__(spec)
        self.common, self.groups = common, dict(groups)
        self.parts = common.parts
        self.encoders = [common, *self.groups.values()]
        """The encoder of each group of numbers: group 0 shares its buckets."""
        self.slots = (*common.slots, *self._own_slots())
        sizes = [len(encoder.scale.names) for encoder in self.encoders]
        # the slot of the first bucket of each group: (groups,)
        own = len(common.slots) + np.cumsum([0, *sizes[1:]])[:-1] if self.groups else np.empty(0, np.int64)
        self._first_buckets = np.append(common.first_bucket, own).astype(np.int64)
        bucket_slots = [np.arange(first, first + size) for first, size in zip(self._first_buckets, sizes, strict=True)]
        # (slots,): the group of each slot, and the number that the encoder of the group has for it
        self.group_of = np.zeros(len(self.slots), np.int64)
        self._inner = np.arange(len(self.slots))
        for group, slots in enumerate(bucket_slots):
            self.group_of[slots] = group
            self._inner[slots] = common.first_bucket + np.arange(len(slots))
        self.is_bucket = np.zeros(len(self.slots), np.bool_)
        """(slots,) True for a bucket, which says what is measured."""
        self.is_bucket[np.concatenate(bucket_slots)] = True
        self._starts = np.cumsum([0, *(encoder.null_code for encoder in self.encoders)])
        """(groups + 1,) the first code of each group; after all groups come the codes of null, NaN and infinities."""
        self._tables = [self._join_tables(part) for part in range(len(self.parts))]
        self._names = pa.array(list(self.groups), pa.string())

    def _own_slots(self) -> list[Slot]:
        part = self.bucket_part
        return [
            Slot("bucket", f"{k}:{name}", f" {name}: {bucket}", part)
            for name, encoder in self.groups.items()
            for k, bucket in enumerate(encoder.scale.names)
        ]

    @property
    def bucket_part(self) -> int:
        """The part whose tokens are buckets."""
        return 1 if self.spec.sign else 0

    def _join_tables(self, part: int) -> Cells:
        """The sequence of every code in one part: those of the groups, then those that fill all parts."""
        made: list[Longs] = []
        for group, encoder in enumerate(self.encoders):
            # (codes of the group,) the slots of its own encoder
            slots = encoder.tables[part].slots[: encoder.null_code].astype(np.int64)
            if part == self.bucket_part:
                # buckets are those of the group, and the steps of `refine` those that all share
                slots += int(self._first_buckets[group]) - encoder.first_bucket
            elif part == len(self.parts) - 1 and self.spec.refine > 1:
                slots += self.common.first_step - encoder.first_step
            made.append(slots)
        last = self.common.tables[part]
        if last.offsets is None:
            # every code has one token in this part: no offsets
            filling = last.slots[self.common.null_code :]
            return Cells(np.empty(0, np.int32), np.concatenate([*made, filling]).astype(np.int32))
        whole = np.concatenate(made)
        # codes from null on have no token in this part: their sequences are empty
        ends = np.full(self.common.code_count - self.common.null_code, len(whole))
        return Cells(np.empty(0, np.int32), whole.astype(np.int32), np.append(np.arange(len(whole) + 1), ends))

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:  # noqa: ARG004 - the protocol
        """The numbers alone; `pair_columns` adds what they measure."""
        return as_numbers(values)

    def find_groups(self, names: pa.Array) -> Longs:
        """(names,) the group of each thing; 0 for those that share buckets."""
        found = pc.index_in(names, self._names, skip_nulls=True)
        return np.asarray(pc.fill_null(found, -1)).astype(np.int64) + 1

    def encode(self, values: pa.Array) -> Encoded:
        floats, things, names = _split(values)
        # (rows,) the group of each number
        groups = self.find_groups(names)[things]
        # NaN has no bucket: 0 stands in for it, and its code is written over below
        codes, clipped = self._codes(np.where(np.isnan(floats), 0.0, floats), groups)
        missing = np.asarray(values.flatten()[0].is_null())
        nan = np.isnan(floats)
        # (rows,) True for numbers that are not near any seen one, which become NaN
        strange = (groups == 0) & ~nan if self.common.is_blank else np.zeros(len(floats), np.bool_)
        outside = (clipped | strange) & ~nan
        nan |= strange
        codes[nan] = self._starts[-1] + 1
        # null is NaN in `floats` too, and comes last
        codes[missing] = self._starts[-1]
        count = self._starts[-1]
        tables = self._tables
        infinite = self._code_infinities(floats, codes) if self.common.infinities and outside.any() else nan
        outside &= ~infinite
        if not (nan.any() or infinite.any()):  # every part has one token, which is faster to write
            tables = [Cells(table.codes, table.slots[:count]) for table in tables]
        parts = [Cells(codes, table.slots, table.offsets) for table in tables]
        return Encoded(parts, clipped=int(outside.sum()), missing=int(missing.sum()))

    def _code_infinities(self, floats: Floats, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Write the codes of the infinities that have tokens into `codes`; (rows,) True for them."""
        infinite = np.zeros(len(floats), np.bool_)
        for number, key in enumerate(self.common.infinities):
            rows = floats == INFINITIES[key]
            codes[rows] = self._starts[-1] + 2 + number
            infinite |= rows
        return infinite

    def _codes(self, floats: Floats, groups: Longs) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
        """(code of each number, True if it lies outside the range of its group), for numbers that are not NaN."""
        codes, outside = np.empty(len(floats), np.int32), np.zeros(len(floats), np.bool_)  # (rows,) each
        for rows in split_groups(groups):
            group = int(groups[rows[0]])
            encoder, own = self.encoders[group], floats[rows]
            # codes are counted on from group to group
            codes[rows] = encoder.codes(own)[0] + self._starts[group]
            outside[rows] = encoder.is_outside(own)
        return codes, outside

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        return self._decode(parts, type, None)

    def sample(self, parts: Sequence[Cells], type: pa.DataType, chances: Floats) -> pa.Array:
        return self._decode(parts, type, chances)

    def _decode(self, parts: Sequence[Cells], type: pa.DataType, chances: Floats | None) -> pa.Array:
        slots = [slots_of(cells) for cells in parts]
        groups = np.where(slots[self.bucket_part] < 0, 0, self.group_of[slots[self.bucket_part]])
        # (rows,) the slots as the encoder of the row's group numbers them
        inner = [np.where(column < 0, -1, self._inner[column]) for column in slots]
        if self.spec.refine > 1:  # the steps of the group's encoder come after as many buckets as it has
            shift = np.array([encoder.first_step for encoder in self.encoders]) - self.common.first_step
            inner[-1] = np.where(inner[-1] < 0, -1, inner[-1] + shift[groups])
        wanted = type
        while True:
            found = [
                (
                    rows,
                    self.encoders[groups[rows[0]]].decode_slots(
                        [column[rows] for column in inner], wanted, None if chances is None else chances[rows]
                    ),
                )
                for rows in split_groups(groups)
            ]
            if all(values.type == wanted for _, values in found):
                break
            wanted = pa.float64()  # one group has no value of the type: the column has one type
        if not found:
            return pa.array([], type)
        # the values of the groups lie one after another: back to the order of the rows
        order = np.empty(len(groups), np.int64)
        order[np.concatenate([rows for rows, _ in found])] = np.arange(len(groups))
        return pa.concat_arrays([values for _, values in found]).take(pa.array(order))

    def lookup(self, ids: NDArray[np.int64]) -> Lookup:
        whole = self.common.code_count - self.common.null_code
        table = tokens_of_codes(self._tables, int(self._starts[-1]) + whole, ids)
        coders: list[Callable[[Any], int]] = [encoder.coder() for encoder in self.encoders]
        nulls = [encoder.null_code for encoder in self.encoders]
        groups: dict[str | None, int] = {name: group for group, name in enumerate(self.groups, 1)}
        last, starts, infinite = int(self._starts[-1]), self._starts.tolist(), bool(self.common.infinities)

        def find(pair: Any) -> tuple[int, ...]:
            number, thing = pair
            group = groups.get(_name(thing, self.spec.by or ""), 0)
            code = coders[group](number)
            if infinite and code < nulls[group] and (common := coders[0](number)) >= nulls[0]:
                return table[last + common - nulls[0]]
            return table[starts[group] + code if code < nulls[group] else last + code - nulls[group]]

        return lambda values: [find(pair) for pair in values]

    def to_json(self) -> dict[str, Any]:
        groups = [[name, encoder.to_json()] for name, encoder in self.groups.items()]
        return {"common": self.common.to_json(), "groups": groups}

    @classmethod
    def from_json(cls, spec: Numeric, data: dict[str, Any]) -> GroupedNumericEncoder:
        inner = replace(spec, by=None)
        groups = {str(name): NumericEncoder.from_json(inner, own) for name, own in data["groups"]}
        if len(groups) != len(data["groups"]):
            raise ValueError("a thing that is measured is listed twice")
        return cls(spec, NumericEncoder.from_json(inner, data["common"]), groups)

    def extend(self, state: GroupedNumericState) -> GroupedNumericEncoder:
        """The same buckets, which decode to values that also come from `state`, and buckets of new frequent things."""
        seen, frequent, spec = state.seen.groups(), state.frequent(), self.common.spec
        groups = {}
        for name, encoder in self.groups.items():
            groups[name] = encoder.with_values(seen[name]) if name in seen else encoder
        fresh = [name for name in frequent if name not in groups]
        for name in fresh[: max(0, self.spec.by_size - len(groups))]:
            groups[name] = NumericEncoder(spec, scale_of(spec, frequent[name]), None).with_values(frequent[name])
        common = self.common.with_values(state.seen.union(groups), state.infinities)
        return GroupedNumericEncoder(self.spec, common, groups)


def _name(thing: Any, field: str) -> str | None:
    if thing is None or thing.__class__ is str:
        name: str | None = thing
        return name
    try:
        return name_of(thing)
    except ValueError as error:
        raise DataError([Refusal(None, field, str(error))]) from None


GROUPED_NUMERIC = EncoderType("numeric", GroupedNumericState, GroupedNumericEncoder)
