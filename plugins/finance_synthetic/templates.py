"""The 84 descriptions of transactions, and what each is for."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["REGIONS", "STORES", "Templates", "templates"]

REGIONS = ("north", "south", "east", "west", "centre", "coast", "hills", "islands")
STORES = 16
"""The number of shops of a chain in a region."""
SHOPS = len(REGIONS) * STORES


@dataclass(frozen=True, slots=True)
class Templates:
    """Look-up tables by template number."""

    kinds: tuple[str, ...]
    categories: tuple[str, ...]
    amounts: NDArray[np.float64]
    """The usual amount."""
    texts: pa.Array
    """The text of each template for each of the `SHOPS` shops, one after another."""

    def of(self, kind: str) -> NDArray[np.int64]:
        """The templates of one kind."""
        return np.flatnonzero(np.array(self.kinds) == kind)

    def describe(self, template: NDArray[np.int64], shop: NDArray[np.int64]) -> pa.Array:
        """The description of each template at each shop."""
        return self.texts.take(pa.array(template * SHOPS + shop))


@cache
def templates() -> Templates:
    """The templates in the order of their file; card payments come last, four to a category."""
    text = (files("finance_synthetic") / "templates.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return Templates(
        kinds=tuple(row["kind"] for row in rows),
        categories=tuple(row["category"] for row in rows),
        amounts=np.array([float(row["amount"]) for row in rows]),
        texts=pa.array([row["text"].replace("{store}", _store(shop)) for row in rows for shop in range(SHOPS)]),
    )


def _store(shop: int) -> str:
    return f"{(shop * 7_919 + 137) % 10_000:04d} {REGIONS[shop // STORES].upper()}"
