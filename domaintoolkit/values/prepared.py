"""`Prepared`: a column on its way to an encoder, and the rows that cannot take that way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["Ints", "Prepared"]

Ints = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A column in the type that its encoder works on, and the rows that cannot be brought to it."""

    values: pa.Array
    """As long as the column that came in; a refused row holds null."""
    refused: list[tuple[int, str]] = field(default_factory=list)
    """(row, reason) of each row that cannot be encoded."""
