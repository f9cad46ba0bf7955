"""The simulated shop: categories, brands, products and their prices, all functions of their numbers.

As in REES46's table, a category has an id and perhaps a code, and a product always has the same category,
brand and price.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

__all__ = ["BRANDS_IN_CATEGORY", "PRODUCTS_OF_BRAND", "Catalogue", "catalogue", "pick", "uniform_of", "zipf"]

CODED, UNCODED = 2_767, 1_400
"""The number of categories with a code, and of those with an id only."""
UNCODED_SHARE = 1 / 3
BRANDS = 4_300
BRANDS_IN_CATEGORY = 12
PRODUCTS_OF_BRAND = 16
BRANDLESS = (0.0803, 0.267)
"""Share of products without a brand, in categories with a code and in those without."""
DEAR = ("electronics.", "appliances.", "computers.", "furniture.")
"""Departments whose products cost about four times what those of the others do."""
QUALIFIERS = (
    *("basic", "compact", "portable", "wireless", "classic", "family", "mini"),
    *("outdoor", "pro", "set", "spare", "kit", "cleaner", "cover"),
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def uniform_of(number: Ints, salt: int) -> Floats:
    """A number in [0, 1) for each `number`, the same in every run (splitmix64)."""
    mixed = number.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % (1 << 64))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform


def zipf(size: int, exponent: float) -> Floats:
    """Cumulative shares of `size` ranks whose share falls as rank ** -exponent."""
    shares = np.arange(1, size + 1) ** -exponent
    total: Floats = np.cumsum(shares / shares.sum())
    return total


def pick(cumulative: Floats, uniform: Floats) -> Ints:
    """The place that each uniform number falls into, by cumulative shares."""
    places: Ints = np.searchsorted(cumulative, uniform)
    return places.clip(0, len(cumulative) - 1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Look-up tables by category number: coded categories first, each kind from the most popular down."""

    codes: pa.Array
    ids: Ints
    centres: Floats
    """The middle of the category's prices, as a logarithm."""
    popularity: Floats
    """Cumulative shares."""
    brands: pa.Array
    brand_of: NDArray[np.int32]
    """The brand in each of a category's `BRANDS_IN_CATEGORY` places."""

    def draw(self, uniform: Floats) -> Ints:
        """A category for each uniform number, by popularity."""
        return pick(self.popularity, uniform)

    def brands_of(self, product: Ints) -> pa.Array:
        """The brand of each product number, null if it has none."""
        place = product // PRODUCTS_OF_BRAND
        share = np.where(place // BRANDS_IN_CATEGORY < CODED, *BRANDLESS)
        return self.brands.take(pa.array(self.brand_of[place], mask=uniform_of(product, 1) < share))

    def prices_of(self, product: Ints) -> Floats:
        """The price of each product number: its category's, its brand's and its own part; a few cost nothing."""
        place = product // PRODUCTS_OF_BRAND
        own = uniform_of(product, 2)
        spread = 1.4 * (uniform_of(place, 3) - 0.5) + 0.8 * (own - 0.5)
        price = np.round(np.exp(self.centres[place // BRANDS_IN_CATEGORY] + spread), 2)
        return np.where(own < 0.001, 0.0, price)


@cache
def catalogue() -> Catalogue:
    """The shop; there is only one."""
    number = np.arange(CODED + UNCODED)
    codes = _codes()
    dear = np.array([code.startswith(DEAR) for code in codes] + [False] * UNCODED)
    coded, uncoded = zipf(CODED, 1.1), zipf(UNCODED, 1.0)
    place = np.arange(len(number) * BRANDS_IN_CATEGORY)
    return Catalogue(
        codes=pa.array([*codes, *[None] * UNCODED]),
        ids=2_053_013_552_000_000_000 + (uniform_of(number, 4) * 1e12).astype(np.int64) * 4_200 + number,
        centres=np.where(dear, 4.4, 3.0) + 1.8 * uniform_of(number, 5),
        popularity=np.concatenate([coded * (1 - UNCODED_SHARE), (1 - UNCODED_SHARE) + uncoded * UNCODED_SHARE]),
        brands=pa.array(_brands()),
        brand_of=pick(zipf(BRANDS, 0.9), uniform_of(place, 6)).astype(np.int32),
    )


def _codes() -> list[str]:
    """Codes of two to four levels, the popular ones mostly short; smartphones come first, as in every month."""
    text = (files("ecommerce_rees46") / "categories.csv").read_text(encoding="utf-8")
    lines = [line.split(",") for line in text.splitlines()[1:]]
    groups = [f"{department}.{group}" for department, names in lines for group in names.split()]
    items = [f"{group}.{qualifier}" for group in groups for qualifier in QUALIFIERS]
    deep = [f"{item}.refill" for item in items[: CODED - len(groups) - len(items)]]
    codes = np.array([*groups, *items, *deep])
    depth = np.char.count(codes, ".")
    order = np.argsort(uniform_of(np.arange(len(codes)), 7) * np.where(depth == 1, 0.2, 1.0), kind="stable")
    ranked: list[str] = codes[order].tolist()
    return [ranked[i] for i in sorted(range(len(ranked)), key=lambda i: (ranked[i] != "electronics.smartphone", i))]


def _brands() -> list[str]:
    """Made-up names of two syllables, no two alike."""
    syllables = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]
    numbers = [rank * 2_741 % len(syllables) ** 2 for rank in range(BRANDS)]
    ends = ["", "n", "x", "s", "r"]
    return [
        syllables[number // len(syllables)] + syllables[number % len(syllables)] + ends[number % len(ends)]
        for number in numbers
    ]
