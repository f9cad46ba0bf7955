"""Spellings of null, told from values that are real: `NA` among codes of countries, -1 on a scale, 0000-00-00."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.name_words import has_word, words_of

__all__ = ["Nulls", "find_nulls", "null_date", "sentinel"]

ALWAYS = frozenset(
    (
        "NULL null Null \\N \\\\N NaN nan <NA> #N/A #NA N/A n/a (null) [null] <null> NaT nil #NULL! #VALUE! #REF! "
        "#DIV/0! undefined"
    ).split()
)
"""Spellings that machines write; no value of people looks so."""

MAYBE = frozenset(
    (
        "NA na N.A. n.a. None none NONE - -- --- — – . .. ... ? ?? * / x X missing MISSING Missing unknown Unknown "
        "UNKNOWN n.d. N.D. k.A. s/d S/D S.D. inconnu unbekannt desconocido nd ND NN empty blank not_available tbd TBD"
    ).split()
) | {"keine Angabe", "sin dato", "sin datos", "not available", "Not Available", "no data", "k. A."}
"""Spellings of null in a column of numbers, times or booleans."""

MARKS = frozenset(("- -- --- — – . .. ... ? ?? * /").split())
PLACES = frozenset(
    ["country", "land", "pais", "pays", "paese", "nation", "region", "state", "continent", "market", "iso"]
)
"""Words of columns in which NA is a place."""

SENTINELS = (-1.0, -9.0, -99.0, -999.0, -9999.0, -99999.0, -1e9)


@dataclass(frozen=True, slots=True)
class Nulls:
    """Spellings of null in a column: those that always are, those that are in text, and those that are in numbers."""

    always: tuple[str, ...]
    in_text: tuple[str, ...]
    maybe: tuple[str, ...]


def find_nulls(values: Sequence[str], name: str) -> Nulls:
    """The spellings of null among the distinct values of the column with this name."""
    there = set(values)
    always = tuple(sorted(ALWAYS & there))
    maybe = tuple(sorted(MAYBE & there))
    others = [value for value in values if value and value not in ALWAYS and value not in MAYBE]
    in_text: list[str] = []
    if others:
        # two capital letters among others of two capital letters are a code: NA is Namibia, and North America
        letters = [value for value in others if re.fullmatch(r"[A-Z]{2,3}", value)]
        is_code = (len(letters) >= 3 or bool(PLACES & set(words_of(name)))) and len(letters) >= 0.7 * len(others)
        in_text += [value for value in ("NA", "N.A.", "n.a.", "k.A.", "k. A.") if value in there and not is_code]
        marks = [value for value in others if not any(c.isalnum() for c in value)]
        if not marks:
            in_text += sorted(MARKS & there)
        in_text += [value for value in ("keine Angabe", "sin dato", "sin datos", "not available") if value in there]
    return Nulls(always, tuple(in_text), maybe)


def null_date(value: str) -> bool:
    """True for a date that no calendar has, as some databases write null: 0000-00-00, or 00.00.0000."""
    digits = [c for c in value if c.isdigit()]
    return (len(digits) >= 6 and set(digits) == {"0"}) or value in ("0", "1900-01-00", "00/01/1900")


def sentinel(numbers: NDArray[np.float64], counts: NDArray[np.int64] | None, name: str) -> float | None:
    """A number that stands for null: the only negative one, frequent, and far from all others.

    `numbers` are the distinct ones, each with its count.
    """
    negative = numbers[numbers < 0]
    if len(negative) != 1 or counts is None or len(counts) != len(numbers) or float(negative[0]) not in SENTINELS:
        return None
    value = float(negative[0])
    others, own = numbers[numbers >= 0], counts[numbers >= 0]
    if len(others) < 5:
        return None
    share = float(counts[numbers == value].sum() / counts.sum())
    low = float(np.repeat(others, np.minimum(own, 1000)).min()) if len(others) else 0.0
    width = float(np.median(np.diff(np.sort(others))))
    # -1 one step below 0, 1, 2 may be a value of the scale
    is_far = low - value > max(2.0, 3 * width) or (value <= -9 and share > 0.001)
    is_amount = has_word(name, "quantity") and value == -1 and share > 0.01 and len(others) > 20
    if share > 0.002 and (is_far or (is_amount and low >= 0)):
        return value
    return None
