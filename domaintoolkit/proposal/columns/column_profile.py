"""`Profile`: what the values of one column are, and the settings of a reader that read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_type
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.name_words import has_word, means, words_of
from domaintoolkit.proposal.columns.null_spellings import find_nulls, null_date, sentinel
from domaintoolkit.proposal.columns.number_forms import find_number_settings, is_code
from domaintoolkit.proposal.sampling.table_sample import FoundColumn
from domaintoolkit.schema import Column
from domaintoolkit.times.time_shapes import find_clock_format, find_time_formats
from domaintoolkit.values.declared import convert_text, convert_typed

__all__ = [
    "DAY_US",
    "Profile",
    "epoch_times",
    "epoch_unit",
    "make_profile",
    "names_time",
    "plain_settings",
    "with_format",
]

Kind = Literal["empty", "number", "time", "clock", "bool", "text"]

DAY_US = 86_400_000_000
SAMPLE = 3_000
"""Distinct values that decide the form of a column; then all are read in it."""

SPOILED = 0.002
"""The share of rows that may have a value that is not of the column's kind; `encode` refuses these."""

YEARS = (631_152_000, 2_208_988_800)
"""Seconds since 1970 of the years 1990 and 2040, between which whole numbers may be times."""

EPOCHS = frozenset(("unix", "epoch", "ms", "millis"))
"""Words in names that say that numbers count the time since 1970."""

UNITS: dict[str, int] = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Counts of each unit in a second."""

ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?\s?([A-Za-z]{1,3}|[+-]\d{2}:?\d{0,2})?)?|\d{8}T\d{4,6}\S*"
)

TRUE = frozenset(
    ("true yes y t ja j oui si sí s verdadero vrai wahr sim tak ano igen kylla evet on 1 vero истина да").split()
)
FALSE = frozenset(("false no n f nein non falso faux falsch nao não nie ne nem ei hayir off 0 нет ложь").split())


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


def make_profile(found: FoundColumn, place: int, name: str, semicolons: bool = False) -> Profile:
    """The profile of a column; `semicolons` is a hint that commas are decimal."""
    if found.is_typed:
        return _typed(found, place, name)
    codes, values = _coded(found.values)
    settings: dict[str, Any] = {}
    if any(value != value.strip() for value in values):
        settings["trim"] = True
        codes, values = _merged(codes, [value.strip() for value in values])
    nulls = find_nulls(values, name)
    plain = _without(codes, values, set(nulls.always) | {""})
    base = Profile(found, place, name, "text", *plain, settings=settings)
    if not base.distinct:
        return replace(base, kind="empty")
    made = (
        _as_time(base, nulls.maybe)
        or _as_bool(base)
        or _as_number(base, nulls.maybe, semicolons)
        or _as_clock(base, nulls.maybe)
    )
    if made is None:
        own = [value for value in nulls.in_text if value in base.values]
        used = [*nulls.always, *own]
        codes, values = _without(base.codes, base.values, set(own))
        made = replace(base, codes=codes, values=values, is_code=is_code(values[:SAMPLE]))
        return replace(made, settings=settings | ({"null": used} if used else {}), kind="text" if values else "empty")
    used = [*nulls.always, *made.settings.get("null", [])]
    return replace(made, settings=made.settings | ({"null": used} if used else {}))


def _coded(texts: pa.Array) -> tuple[NDArray[np.int64], list[str]]:
    coded = texts.dictionary_encode()
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, coded.dictionary.to_pylist()


def _merged(codes: NDArray[np.int64], values: Sequence[str]) -> tuple[NDArray[np.int64], list[str]]:
    """The codes of values of which some have become equal."""
    places: dict[str, int] = {}
    # the entry behind the last is for null, whose code is -1
    new = np.array([places.setdefault(value, len(places)) for value in values] + [-1], np.int64)
    return new[codes], list(places)


def _without(
    codes: NDArray[np.int64], values: Sequence[str], left_out: set[str]
) -> tuple[NDArray[np.int64], list[str]]:
    kept = [value for value in values if value not in left_out]
    places = {value: place for place, value in enumerate(kept)}
    # the entry behind the last is for null, whose code is -1
    new = np.array([places.get(value, -1) for value in values] + [-1], np.int64)
    return new[codes], kept


def _sampled(profile: Profile) -> list[str]:
    """Distinct values, the frequent ones and some of all others."""
    if profile.distinct <= SAMPLE:
        return profile.values
    order = np.argsort(-profile.counts, kind="stable")
    half = SAMPLE // 2
    # every n-th of the others, so that rare spellings are seen too
    rest = order[half :: max(1, (len(order) - half) // half)][:half]
    return [profile.values[k] for k in (*order[:half], *rest)]


def _read(profile: Profile, kind: str, settings: dict[str, Any]) -> tuple[pa.Array, list[int]]:
    """The distinct values as the reader would read them, and the places of those that it refuses."""
    column = Column("x", type=kind, **{name: value for name, value in settings.items() if name != "null"})  # type: ignore[arg-type]
    made = convert_text(pa.array([value.encode(errors="replace") for value in profile.values], pa.binary()), column)
    return made.values, [row for row, _ in made.refused]


def _are_hours(profile: Profile, sample: Sequence[str]) -> bool:
    """True for days with their hour in eight or ten digits, such as 14102123, in a column whose name speaks of time."""
    hour = r"(\d{2}|20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])"
    is_named = profile.hints("time") or profile.hints("clock") or profile.hints("calendar")
    return is_named and all(re.fullmatch(hour, value) is not None for value in sample)


def _settle(
    profile: Profile, kind: Kind, read_as: str, settings: dict[str, Any], maybe: Sequence[str]
) -> tuple[Profile, pa.Array] | None:
    """The column read in one form; None if too many of its values cannot be. Spellings of null may be `maybe`."""
    values, refused = _read(profile, read_as, settings)
    wrong = [profile.values[k] for k in refused]
    null = [value for value in wrong if value in maybe or (read_as == "timestamp" and null_date(value))]
    bad = [k for k in refused if profile.values[k] not in set(null)]
    rows = int(profile.counts[bad].sum())
    if rows > SPOILED * profile.filled or len(null) == profile.distinct:
        return None
    out = set(null) | {profile.values[k] for k in bad}
    codes, kept = _without(profile.codes, profile.values, out)
    keep = [k for k, value in enumerate(profile.values) if value not in out]
    made = replace(
        profile, kind=kind, codes=codes, values=kept, refused=rows,
        settings=profile.settings | settings | ({"null": null} if null else {}),
        examples=tuple(profile.values[k] for k in bad[:3]),
    )  # fmt: skip
    return made, values.take(pa.array(keep, pa.int64()))


def _spread_out(profile: Profile, values: NDArray[Any]) -> NDArray[Any]:
    """Values of codes as values of rows; those of null rows are the first one's."""
    return values[np.maximum(profile.codes, 0)]


def _as_time(profile: Profile, maybe: Sequence[str]) -> Profile | None:
    sample = [value for value in _sampled(profile) if value not in maybe and not null_date(value)]
    if not sample:
        return None
    options: list[dict[str, Any]] = []
    # a few values of another kind may be refused
    looks = sum(ISO.fullmatch(value) is not None for value in sample)
    if looks >= 0.98 * len(sample):
        options += [{}, {"finer_times": "cut"}]
    compact = all(re.fullmatch(r"(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])", value) for value in sample)
    if compact and (profile.hints("time") or profile.distinct > 3):
        options.append({})
    elif not all(value.isdecimal() for value in sample) or (
        (profile.hints("time") and all(len(v) >= 12 for v in sample)) or _are_hours(profile, sample)
    ):
        options += [{"time_format": each} for each in find_time_formats(sample)]
    made: list[tuple[Profile, pa.Array]] = []
    for settings in options:
        found = _settle(profile, "time", "timestamp", settings, maybe)
        if found is not None and found[0].distinct:
            made.append(found)
            if "time_format" not in settings:
                break
    if not made:
        return None
    (best, values), others = made[0], made[1:]
    both = [each for each in others if each[0].refused == best.refused]
    if others and not both:
        best, values = min(made, key=lambda each: each[0].refused)
    texts = sample[:50]
    has_clock = "%H" in str(best.settings.get("time_format")) or any(
        re.search(r"\d[ T_]?\d{1,2}[:h]\d{2}|T\d{2}|\d{12}", text) for text in texts
    )
    zone = any(re.search(r"(Z|UTC|GMT|[+-]\d{2}:?\d{2})$", text) and ":" in text for text in texts)
    other = None if not both else str(both[0][0].settings["time_format"])
    made_of = replace(best, has_clock=has_clock, other_format=other, is_named_zone=zone)
    return replace(made_of, times=_spread_out(best, values.cast(pa.int64()).to_numpy(zero_copy_only=False)))


def _as_bool(profile: Profile) -> Profile | None:
    if profile.distinct != 2:
        return None
    words = {value.lower(): value for value in profile.values}
    yes = [words[word] for word in words if word in TRUE]
    no = [words[word] for word in words if word in FALSE]
    if len(yes) != 1 or len(no) != 1:
        return None
    digits = {yes[0], no[0]} == {"0", "1"}
    # 0 and 1 are numbers too, which need no settings
    if digits:
        return None
    settings = {
        name: [value] for name, value, plain in (("true", yes[0], "true"), ("false", no[0], "false"))
        if value.lower() != plain
    }  # fmt: skip
    return replace(profile, kind="bool", settings=profile.settings | settings)


def _as_number(profile: Profile, maybe: Sequence[str], semicolons: bool) -> Profile | None:
    sample = [value for value in _sampled(profile) if value not in maybe]
    if not sample or is_code(profile.values):
        return None
    found = find_number_settings(sample, semicolons)
    if found is None:
        return None
    made = _settle(profile, "number", "float64", found[0], maybe)
    if made is None:
        return None
    best, values = made
    numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return _with_numbers(
        best, numbers, whole_is_plain=all(re.fullmatch(r"0|-?[1-9]\d*", value) for value in best.values)
    )


def _with_numbers(profile: Profile, numbers: NDArray[np.float64], whole_is_plain: bool) -> Profile:
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
        codes, values = _without(codes, values, gone)
        numbers = numbers[keep]
        settings["null"] = [*settings.get("null", []), *sorted(gone)]
    if is_whole and not whole_is_plain:
        settings["spelling"] = "any"
    made = replace(profile, codes=codes, values=values, settings=settings, is_whole=is_whole)
    rows = np.where(codes >= 0, _spread_out(made, numbers) if len(numbers) else np.nan, np.nan)
    return replace(made, numbers=rows)


def _as_clock(profile: Profile, maybe: Sequence[str]) -> Profile | None:
    sample = [value for value in _sampled(profile) if value not in maybe]
    if not sample:
        return None
    if all(re.fullmatch(r"([01]\d|2[0-4])[0-5]\d", value) for value in sample) and profile.hints("clock"):
        return replace(profile, kind="clock", settings=profile.settings | {"time_format": "%H%M"}, has_clock=True)
    own = find_clock_format(sample)
    if own is None or not (own.startswith(("%H", "%I")) or "%p" in own or profile.hints("clock")):
        return None
    null = [value for value in profile.values if value in maybe]
    codes, values = _without(profile.codes, profile.values, set(null))
    settings = profile.settings | {"time_format": own} | ({"null": null} if null else {})
    return replace(profile, kind="clock", codes=codes, values=values, settings=settings, has_clock=True)


def epoch_unit(profile: Profile) -> str | None:
    """The unit if the numbers of a column may count the time since 1970: `s`, `ms`, `us` or `ns`."""
    numbers = None if profile.numbers is None else profile.numbers[profile.there]
    if numbers is None or not len(numbers):
        return None
    low, high = float(np.min(numbers)), float(np.max(numbers))
    for unit, factor in UNITS.items():
        if YEARS[0] * factor <= low and high <= YEARS[1] * factor:
            # the times of one table lie within 30 years
            enough = profile.distinct > 10 and high - low < 30 * 365 * 86_400 * factor
            return unit if enough and (names_time(profile) or profile.distinct > 0.2 * profile.filled) else None
    return None


def epoch_times(numbers: NDArray[np.float64], unit: str) -> NDArray[np.int64]:
    """Counts of a unit since 1970 in µs; 0 for those that are missing."""
    return np.nan_to_num(numbers * (1e6 / UNITS[unit])).astype(np.int64)


def names_time(profile: Profile) -> bool:
    """True if the name of a column says that it holds times."""
    return profile.hints("time") or profile.hints("late") or bool(EPOCHS & set(words_of(profile.name)))


def _typed(found: FoundColumn, place: int, name: str) -> Profile:
    array = found.values
    kind = array.type
    if is_type.is_timestamp(kind) or is_type.is_date(kind):
        finer = is_type.is_timestamp(kind) and kind.unit == "ns"
        made = convert_typed(array, Column(name, type="timestamp", finer_times="cut" if finer else None))
        codes, values = _coded(made.values.cast(pa.string()))
        numbers = pc.fill_null(made.values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
        clock = bool((numbers % DAY_US != 0).any())
        zone = is_type.is_timestamp(kind) and kind.tz is not None
        cut = {"finer_times": "cut"} if finer and pc.any(pc.not_equal(
            array.cast(pa.int64()), pc.multiply(made.values.cast(pa.int64()), 1000))).as_py() else {}  # fmt: skip
        return Profile(found, place, name, "time" if values else "empty", codes, values, cut, times=numbers,
                       has_clock=clock, is_named_zone=zone)  # fmt: skip
    if is_type.is_boolean(kind):
        codes, values = _coded(array.cast(pa.string()))
        return Profile(found, place, name, "bool" if values else "empty", codes, values)
    if is_type.is_time(kind):
        codes, values = _coded(array.cast(pa.string()))
        settings = {"time_format": "%H:%M:%S"}
        return Profile(found, place, name, "clock" if values else "empty", codes, values, settings, has_clock=True)
    if is_type.is_integer(kind) or is_type.is_floating(kind) or is_type.is_decimal(kind):
        clean = pc.if_else(pc.is_nan(array), None, array) if is_type.is_floating(kind) else array
        codes, values = _coded(clean.cast(pa.string()))
        base = Profile(found, place, name, "number" if values else "empty", codes, values)
        numbers = np.array([float(value) for value in values], np.float64)
        return _with_numbers(base, numbers, True) if values else base
    try:
        codes, values = _coded(convert_typed(array, Column(name)).values.cast(pa.string()))
    except (pa.ArrowException, ValueError, AttributeError):
        codes, values = np.full(len(array), -1), []
    return Profile(found, place, name, "text" if values else "empty", codes, values)


def with_format(profile: Profile, time_format: str) -> Profile:
    """A column of dates, read in another format that fits all of them."""
    settings = profile.settings | {"time_format": time_format}
    values, _ = _read(profile, "timestamp", settings)
    times = _spread_out(profile, values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False))
    return replace(profile, settings=settings, times=times, other_format=None)


def plain_settings(profile: Profile) -> dict[str, Any]:
    """The settings that a column keeps if it is read as text."""
    return {name: value for name, value in profile.settings.items() if name in ("null", "trim")}
