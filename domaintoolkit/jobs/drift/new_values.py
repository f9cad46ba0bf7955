"""The values of new rows that have no token of their own, with how often each occurs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.encoders import Cells, Encoder
from domaintoolkit.schema import Categorical
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import offsets_of

__all__ = ["NewValue", "NewValues"]

KEPT = 100_000
"""Distinct values that are counted for a field; the rarest of more are forgotten."""


@dataclass(frozen=True, slots=True)
class NewValue:
    """A value that has no token, and the number of its rows."""

    value: str
    rows: int


class NewValues:
    """Counts the new values of every categorical field of events."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self._encoders = {
            bound.name: bound.field
            for bound in tokenizer.layout.bound
            if bound.name and bound.kind == "field" and isinstance(bound.field.spec, Categorical)
        }
        self._counts = {name: Counter[str]() for name in self._encoders}

    def add(self, prepared: Mapping[str, pa.Array]) -> None:
        """Count the values of prepared columns."""
        for name, encoder in self._encoders.items():
            counts = pc.value_counts(prepared[name])
            values, numbers = counts.field("values"), counts.field("counts").to_numpy()
            new = _is_new(encoder, values)
            counter = self._counts[name]
            found = values.filter(pa.array(new)).to_pylist()
            counter.update(dict(zip(map(str, found), numbers[new].tolist(), strict=True)))
            if len(counter) > 2 * KEPT:
                self._counts[name] = Counter(dict(counter.most_common(KEPT)))

    def most_common(self, field: str, count: int) -> tuple[NewValue, ...]:
        """The new values of `field` with the most rows."""
        found = self._counts.get(field, Counter()).items()
        return tuple(NewValue(*pair) for pair in sorted(found, key=lambda pair: (-pair[1], pair[0]))[:count])


def _is_new(encoder: Encoder, values: pa.Array) -> NDArray[np.bool_]:
    """True for values that are spelled or hashed."""
    slots = encoder.slots
    hashed = np.array([slot.kind == "hash" for slot in slots], np.bool_)
    new = np.zeros(len(values), np.bool_)
    for cells in encoder.encode(values).parts:
        new |= _holds(cells, hashed)
    return new


def _holds(cells: Cells, hashed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """True for rows whose sequence holds a byte or a slot of a hash bucket."""
    wanted = (cells.slots < 0) | hashed[np.maximum(cells.slots, 0)]
    if cells.offsets is None:
        return wanted[cells.codes]
    # (sequences,): how many of the slots of each are wanted
    running = offsets_of(wanted.view(np.int8))
    return (running[cells.offsets[1:]] > running[cells.offsets[:-1]])[cells.codes]
