"""An encoder for compass headings in degrees: one token for each of some equal sectors, the first around north."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit import (
    Cells,
    DataError,
    DecodeError,
    Encoded,
    Encoder,
    EncoderType,
    Lookup,
    Prepared,
    Problem,
    Refusal,
    SchemaError,
    Slot,
    State,
)

NULL, NOWHERE = 0, 1
"""The slots of a missing heading, and of one that is not finite; the sectors follow."""
FIRST = 2


class CompassState(State):
    """Nothing is learned from the data, so there is nothing to count."""

    def update(self, values: pa.Array) -> None: ...

    def merge(self, other: CompassState) -> None: ...

    def finalize(self) -> CompassEncoder:
        return CompassEncoder(self.spec)

    def dump(self) -> pa.Table:
        return pa.table({})

    @classmethod
    def restore(cls, spec: Any, table: pa.Table) -> CompassState:
        return cls(spec)


class CompassEncoder(Encoder):
    """`options = { sectors = 8 }` in the schema: how many sectors the circle has, 1 to 180."""

    def __init__(self, spec: Any) -> None:
        super().__init__(spec)
        self.sectors = spec.options.get("sectors", 8)
        if type(self.sectors) is not int or not 1 <= self.sectors <= 180:
            raise SchemaError([Problem("options.sectors", f"must be 1 to 180, got {self.sectors!r}")], spec.name)
        self.width = 360 / self.sectors
        centres = [f"{sector * self.width:g}" for sector in range(self.sectors)]
        self.slots = (
            Slot("null", "", " null"),
            Slot("nowhere", "", " nowhere"),
            *(Slot("sector", centre, f"={centre}°") for centre in centres),
        )

    @staticmethod
    def prepare(spec: Any, values: pa.Array) -> Prepared:
        kind = values.type
        if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind):
            return Prepared(values.cast(pa.float64(), safe=False))
        refused = [(row, f"a heading is a number, found {kind}") for row in range(len(values))]
        return Prepared(pa.nulls(len(values), pa.float64()), refused)

    def encode(self, values: pa.Array) -> Encoded:
        codes = self._slots(values.to_numpy(zero_copy_only=False))
        codes[np.asarray(values.is_null())] = NULL
        cells = Cells(codes, np.arange(len(self.slots), dtype=np.int32))
        return Encoded([cells], missing=values.null_count)

    def _slots(self, degrees: np.ndarray) -> np.ndarray:
        finite = np.isfinite(degrees)
        turned = np.where(finite, degrees, 0.0) % 360 + self.width / 2
        return np.where(finite, FIRST + (turned // self.width).astype(np.int64) % self.sectors, NOWHERE)

    def decode(self, parts: Sequence[Cells], type: pa.DataType) -> pa.Array:
        (cells,) = parts
        if cells.offsets is not None and (np.diff(cells.offsets) != 1).any():
            raise DecodeError("a heading is one token")
        slots = cells.slots[cells.codes]
        degrees = np.where(slots == NOWHERE, np.nan, (slots - FIRST) * self.width)
        if pa.types.is_integer(type):
            degrees = np.rint(degrees)
        return pa.array(degrees, mask=slots == NULL).cast(type, safe=False)

    def lookup(self, ids: np.ndarray) -> Lookup:
        table = [(int(ids[slot]),) for slot in range(len(self.slots))]

        def look_up(values: Sequence[object]) -> list[tuple[int, ...]]:
            for row, value in enumerate(values):
                if value is not None and not isinstance(value, int | float):
                    raise DataError([Refusal(row, self.spec.name, f"a heading is a number, found {value!r}")])
            degrees = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
            slots = self._slots(degrees).tolist()
            return [table[NULL if value is None else slot] for value, slot in zip(values, slots, strict=True)]

        return look_up

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, spec: Any, data: dict[str, Any]) -> CompassEncoder:
        return cls(spec)


COMPASS = EncoderType("compass", CompassState, CompassEncoder)
