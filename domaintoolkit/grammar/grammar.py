"""`Grammar`: which place in a stream each token of a vocabulary has, as arrays indexed by id."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ANCHOR", "BOS", "BYTE", "COMPOSITE", "OTHER", "PAD", "SESSION", "SPECIAL", "FieldParts", "Grammar"]

ANCHOR = "anchor"
"""What stands in the place of a field's name in the tokens of the anchor."""

BYTE, BOS, PAD, SESSION, COMPOSITE, OTHER = -1, -2, -3, -4, -5, -6
SPECIAL = {"BOS": BOS, "PAD": PAD, "SESSION": SESSION}


@dataclass(frozen=True, slots=True)
class FieldParts:
    """One field of the header or of an event (None is the anchor): how many parts, and their names if they have any."""

    field: str | None
    parts: int = 1
    names: tuple[str, ...] = ()

    def titles(self) -> list[str]:
        """`brand` for the only part of a field, otherwise `event_time.weekday`, or `event_time.0` without names."""
        head = ANCHOR if self.field is None else self.field
        if self.parts == 1 and not self.names:
            return [head]
        names = self.names or tuple(map(str, range(self.parts)))
        return [f"{head}.{name}" for name in names]


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """How the streams of a vocabulary of V tokens parse.

    history = [BOS] header event*
    header  = one sequence in each header part
    event   = [SESSION]? one sequence in each event part
    sequence = one start token of the part, then continuation tokens of that part and bytes; after a token that
               fills several parts, the sequences of the others are empty
    """

    header_parts: int
    event_parts: int
    place: NDArray[np.int16]
    """(V,) the part of each token, header parts first, then event parts; or BYTE, BOS, PAD, SESSION, COMPOSITE, OTHER.

    The bytes belong to every part, and tokens of place OTHER to no stream.
    """
    start: NDArray[np.bool_]
    """(V,) whether the token begins its part."""
    fills: NDArray[np.int16]
    """(V,) how many parts a start token fills: 1, or all of its field's where it stands for the whole field; else 0."""
    fusible: NDArray[np.bool_]
    """(V,) whether the token may stand for a value by itself; composites hold such tokens of event parts."""
    part_names: tuple[str, ...]
    part_fields: tuple[str | None, ...]
    bos: int
    pad: int
    session: int
    bytes: NDArray[np.int64]
    """(256,) the id of each byte."""
