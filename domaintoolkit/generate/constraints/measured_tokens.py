"""The buckets that a number can have, given the field that says what it measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.encoders import GroupedNumericEncoder
from domaintoolkit.generate.constraints.canonical_fields import CanonicalField
from domaintoolkit.values.value_names import as_categories

__all__ = ["MeasuredTokens"]

_KEPT = 10_000


class MeasuredTokens:
    """A numeric field with buckets of its own for each value of another field, bound to ids, and that field."""

    def __init__(self, bound: Any, thing: CanonicalField) -> None:
        encoder = bound.encoder
        assert isinstance(encoder, GroupedNumericEncoder)
        self.encoder, self.thing = encoder, thing
        self.place = int(bound.first_place) + encoder.bucket_part
        """The part of the buckets."""
        self._groups = np.full(len(thing.tables.key), -1, np.int64)
        """(V,) the group of each bucket; -1 for every other token, which all groups share."""
        slots = np.flatnonzero(encoder.is_bucket)
        self._groups[bound.ids[slots]] = encoder.group_of[slots]
        self._known: dict[tuple[int, ...], int] = {}

    def filter_tokens(self, tokens: NDArray[np.int64], event: Sequence[int]) -> NDArray[np.int64]:
        """Those of `tokens` that agree with the tokens of the event, or header, so far."""
        own = self.thing.tokens_of(event)
        if own not in self._known:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[own] = self._find_group(own)
        groups = self._groups[tokens]
        kept: NDArray[np.int64] = tokens[(groups == self._known[own]) | (groups < 0)]
        return kept

    def _find_group(self, own: tuple[int, ...]) -> int:
        found, value = self.thing.read(own) if own else (False, None)
        if not found:
            return 0  # a thing without a value is drawn again, and the number with it
        # a spelled value that the type of the column does not have decodes as text
        kind = pa.string() if isinstance(value, str) else self.thing.kind
        names = as_categories(pa.array([value], kind)).values
        return int(self.encoder.find_groups(names.cast(pa.string()))[0])
