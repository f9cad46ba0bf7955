"""`profile_text`: the profile of a column of text, tried as times, booleans, numbers and clock times in turn."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from domaintoolkit.proposal.columns.column_profile import Kind, Profile, spread_values, with_numbers
from domaintoolkit.proposal.columns.name_words import words_of
from domaintoolkit.proposal.columns.null_spellings import find_nulls, null_date
from domaintoolkit.proposal.columns.number_forms import find_number_settings, is_code
from domaintoolkit.proposal.columns.value_codes import encode_values, merge_equal, remove_values
from domaintoolkit.proposal.sampling.table_sample import FoundColumn
from domaintoolkit.schema import Column
from domaintoolkit.times.durations import parse_duration
from domaintoolkit.times.time_shapes import find_clock_format, find_time_formats
from domaintoolkit.values.declared import convert_text

__all__ = ["profile_text", "with_format"]

SAMPLE = 3_000
"""Distinct values that decide the form of a column; then all are read in it."""

SPOILED = 0.002
"""The share of rows that may have a value that is not of the column's kind; `encode` refuses these."""

ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:\d{2}(:\d{2}([.,]\d+)?)?)?\s?([A-Za-z]{1,3}|[+-]\d{2}:?\d{0,2})?)?|\d{8}T\d{4,6}\S*"
)

LENGTHS = frozenset(
    (
        "duration dauer elapsed lap laps laptime runtime length duree duracion durata duur czas uptime downtime wait "
        "waiting pace split interval delay travel trip talk call session playtime"
    ).split()
)
"""Words in names of durations, which may be written as times of day are."""

SHIFTS = frozenset(("shift", "shifts", "work", "worked", "working", "flight", "block", "hours", "stunden", "arbeit"))
"""Words in names of durations in hours and minutes."""

TRUE = frozenset(
    ("true yes y t ja j oui si sí s verdadero vrai wahr sim tak ano igen kylla evet on 1 vero истина да").split()
)
FALSE = frozenset(("false no n f nein non falso faux falsch nao não nie ne nem ei hayir off 0 нет ложь").split())


def profile_text(found: FoundColumn, place: int, name: str, semicolons: bool = False) -> Profile:
    """The profile of a column; `semicolons` is a hint that commas are decimal."""
    codes, values = encode_values(found.values)
    settings: dict[str, Any] = {}
    if any(value != value.strip() for value in values):
        settings["trim"] = True
        codes, values = merge_equal(codes, [value.strip() for value in values])
    nulls = find_nulls(values, name)
    plain = remove_values(codes, values, set(nulls.always) | {""})
    base = Profile(found, place, name, "text", *plain, settings=settings)
    if not base.distinct:
        return replace(base, kind="empty")
    made = (
        _as_time(base, nulls.maybe)
        or _as_bool(base)
        or _as_number(base, nulls.maybe, semicolons)
        or _as_duration(base, nulls.maybe)
        or _as_clock(base, nulls.maybe)
    )
    if made is None:
        own = [value for value in nulls.in_text if value in base.values]
        used = [*nulls.always, *own]
        codes, values = remove_values(base.codes, base.values, set(own))
        made = replace(base, codes=codes, values=values, is_code=is_code(values[:SAMPLE]))
        return replace(made, settings=settings | ({"null": used} if used else {}), kind="text" if values else "empty")
    used = [*nulls.always, *made.settings.get("null", [])]
    return replace(made, settings=made.settings | ({"null": used} if used else {}))


def with_format(profile: Profile, time_format: str) -> Profile:
    """A column of dates, read in another format that fits all of them."""
    settings = profile.settings | {"time_format": time_format}
    values, _ = _read(profile, "timestamp", settings)
    times = spread_values(profile, values.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False))
    return replace(profile, settings=settings, times=times, other_format=None)


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
    codes, kept = remove_values(profile.codes, profile.values, out)
    keep = [k for k, value in enumerate(profile.values) if value not in out]
    made = replace(
        profile, kind=kind, codes=codes, values=kept, refused=rows,
        settings=profile.settings | settings | ({"null": null} if null else {}),
        examples=tuple(profile.values[k] for k in bad[:3]),
    )  # fmt: skip
    return made, values.take(pa.array(keep, pa.int64()))


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
    return replace(made_of, times=spread_values(best, values.cast(pa.int64()).to_numpy(zero_copy_only=False)))


def _are_hours(profile: Profile, sample: Sequence[str]) -> bool:
    """True for days with their hour in eight or ten digits, such as 14102123, in a column whose name speaks of time."""
    hour = r"(\d{2}|20\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])([01]\d|2[0-3])"
    is_named = profile.hints("time") or profile.hints("clock") or profile.hints("calendar")
    return is_named and all(re.fullmatch(hour, value) is not None for value in sample)


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
    return with_numbers(
        best, numbers, whole_is_plain=all(re.fullmatch(r"0|-?[1-9]\d*", value) for value in best.values)
    )


def _as_duration(profile: Profile, maybe: Sequence[str]) -> Profile | None:
    sample = [value for value in _sampled(profile) if value not in maybe]
    if not sample or sum(parse_duration(value, "m:ss") is not None for value in sample) < 0.9 * len(sample):
        return None
    is_named = profile.hints("elapsed") or bool(LENGTHS & set(words_of(profile.name)))
    if not is_named and _as_clock(profile, maybe) is not None:
        return None
    settings: dict[str, Any] = {"duration_unit": "s"}
    if any(parse_duration(value) is None and parse_duration(value, "m:ss") is not None for value in sample):
        # three numbers in other rows: two are the last two of these
        is_long = any(value.count(":") == 2 for value in sample)
        settings["duration_clock"] = "h:mm" if not is_long and SHIFTS & set(words_of(profile.name)) else "m:ss"
    made = _settle(profile, "number", "float64", settings, maybe)
    if made is None:
        return None
    best, values = made
    # seconds may have fractions in other rows
    return replace(best, numbers=spread_values(best, values.to_numpy(zero_copy_only=False).astype(np.float64)))


def _as_clock(profile: Profile, maybe: Sequence[str]) -> Profile | None:
    sample = [value for value in _sampled(profile) if value not in maybe]
    if not sample:
        return None
    # other codes are hardly without any of 60 to 99, 160 to 199 and so on
    is_clock = profile.hints("clock") or (len(sample) > 200 and len({value[:2] for value in sample}) > 12)
    if is_clock and all(re.fullmatch(r"([01]\d|2[0-4])[0-5]\d", value) for value in sample):
        return replace(profile, kind="clock", settings=profile.settings | {"time_format": "%H%M"}, has_clock=True)
    own = find_clock_format(sample)
    if own is None or not (own.startswith(("%H", "%I")) or "%p" in own or profile.hints("clock")):
        return None
    null = [value for value in profile.values if value in maybe]
    codes, values = remove_values(profile.codes, profile.values, set(null))
    settings = profile.settings | {"time_format": own} | ({"null": null} if null else {})
    return replace(profile, kind="clock", codes=codes, values=values, settings=settings, has_clock=True)
