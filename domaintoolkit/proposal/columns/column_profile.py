"""`Profile`: what the values of one column are, and the settings of a reader that read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import LookupFailedError
from domaintoolkit.proposal.columns.name_words import has_word, means
from domaintoolkit.proposal.columns.null_spellings import sentinel
from domaintoolkit.proposal.columns.value_codes import remove_values
from domaintoolkit.proposal.sampling.table_sample import FoundColumn

__all__ = ["Kind", "Profile", "look_up", "plain_settings", "spread_values", "with_numbers"]

Kind = Literal["empty", "number", "time", "clock", "bool", "text"]


@dataclass(frozen=True)
class Profile:
    """One column. Arrays have an entry a row: `codes` numbers the distinct `values`, -1 is null."""

    found: FoundColumn
    place: int
    name: str
    kind: Kind
    codes: NDArray[np.int64] = field(repr=False)
    values: list[str] = field(repr=False)
    settings: dict[str, Any] = field(default_factory=dict)
    """Settings of the `Column`, beside its name, header and type."""
    numbers: NDArray[np.float64] | None = field(default=None, repr=False)
    times: NDArray[np.int64] | None = field(default=None, repr=False)
    """Microseconds; only at rows that are not null."""
    other_format: str | None = None
    """The format with day and month the other way round, if both read all dates."""
    has_clock: bool = False
    is_whole: bool = False
    is_code: bool = False
    """True if the digits of some values begin with a zero, or are too many for a number."""
    is_named_zone: bool = False
    refused: int = 0
    """Rows whose value is not of the column's kind."""
    examples: tuple[str, ...] = ()
    """Values that are not of its kind."""

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The rows of each distinct value."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.values))

    @property
    def rows(self) -> int:
        """All rows that were looked at."""
        return len(self.codes)

    @cached_property
    def there(self) -> NDArray[np.bool_]:
        """(rows,): True at rows that have a value."""
        return self.codes >= 0

    @cached_property
    def filled(self) -> int:
        """Rows that have a value."""
        return int(self.there.sum())

    @property
    def missing(self) -> float:
        """The share of rows without a value."""
        return 1 - self.filled / max(self.rows, 1)

    @property
    def distinct(self) -> int:
        """The number of distinct values."""
        return len(self.values)

    @property
    def header(self) -> str:
        """The header in the files."""
        return self.found.header

    @cached_property
    def is_unique(self) -> bool:
        """True if nearly every row has its own value."""
        return self.filled > 20 and self.distinct > 0.95 * self.filled

    def hints(self, kind: str) -> bool:
        """True if the name has a word of this kind."""
        return has_word(self.name, kind)

    def means(self, kind: str) -> bool:
        """True if the name names something of this kind."""
        return means(self.name, kind)

    @cached_property
    def shown(self) -> str:
        """Its most frequent values, for people."""
        order = np.argsort(-self.counts, kind="stable")[:3]
        return ", ".join(repr(self.values[k][:30]) for k in order)


def look_up(profiles: Sequence[Profile], name: str) -> Profile:
    """The column with a name or header."""
    for profile in profiles:
        if name in (profile.name, profile.header):
            return profile
    raise LookupFailedError("column", name, [profile.header for profile in profiles])


def plain_settings(profile: Profile) -> dict[str, Any]:
    """The settings that a column keeps if it is read as text."""
    return {name: value for name, value in profile.settings.items() if name in ("null", "trim")}


def spread_values(profile: Profile, values: NDArray[Any]) -> NDArray[Any]:
    """Values of codes as values of rows; those of null rows are the first one's."""
    return values[np.maximum(profile.codes, 0)]


def with_numbers(profile: Profile, numbers: NDArray[np.float64], whole_is_plain: bool) -> Profile:
    """A column with the number of each distinct value, without a number that stands for null.

    `whole_is_plain` says that whole numbers are written in digits only, without `.0`.
    """
    finite = numbers[np.isfinite(numbers)]
    # from 2**53 on, not every whole number is a float
    is_whole = (
        bool(len(finite)) and bool((finite == np.floor(finite)).all()) and float(np.abs(finite).max(initial=0)) < 2**53
    )
    settings = dict(profile.settings)
    out = sentinel(finite, profile.counts[: len(numbers)] if len(numbers) == profile.distinct else None, profile.name)
    codes, values = profile.codes, profile.values
    if out is not None:
        gone = {value for value, number in zip(values, numbers, strict=True) if number == out}
        keep = [k for k, value in enumerate(values) if value not in gone]
        codes, values = remove_values(codes, values, gone)
        numbers = numbers[keep]
        settings["null"] = [*settings.get("null", []), *sorted(gone)]
    if is_whole and not whole_is_plain:
        settings["spelling"] = "any"
    made = replace(profile, codes=codes, values=values, settings=settings, is_whole=is_whole)
    rows = np.where(codes >= 0, spread_values(made, numbers) if len(numbers) else np.nan, np.nan)
    return replace(made, numbers=rows)
