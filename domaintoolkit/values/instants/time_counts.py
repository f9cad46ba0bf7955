"""Numbers that count a unit of time: columns of numbers and of text, and single values."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, PER_UNIT
from domaintoolkit.times.iso_text import FINER
from domaintoolkit.times.time_form import TimeForm
from domaintoolkit.times.zones import YEARS_BEGIN, YEARS_END, ZoneTable
from domaintoolkit.values.instants.iso_times import TextTimes, parse_times
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import has_byte, parse_distinct, parse_likely

__all__ = [
    "count_of",
    "count_of_float",
    "floats_as_counts",
    "is_count",
    "is_counted",
    "origin_of",
    "parse_counts",
    "show_count",
]

LIKELY_END = 130 * 365 * DAY
"""Microseconds from 1970 to about the year 2100."""

_DIVIDED = {"min", "h", "d"}
"""Units of which a microsecond is not a decimal fraction, so that fractions of them are rounded to some digits."""

_COUNT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")
_COUNTS = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?$"
_PLAIN = r"^-?[0-9]{1,18}(?:\.[0-9]*)?$"
_LONGEST = 400
"""Digits of the longest number that is read, more than any float has."""

_EXACT = {"s": 2.0**33, "ms": 2.0**43, "us": 2.0**53, **{unit: 2.0**51 / PER_UNIT[unit] for unit in _DIVIDED}}
"""Below these counts, at most one whole number of microseconds has a given float."""

_SCALE = {"s": 6, "ms": 3, "us": 0}
"""Digits after the point that a count in microseconds has."""


def is_count(text: str) -> bool:
    """Return True if a text is a decimal number."""
    found = _COUNT.fullmatch(text)
    return found is not None and bool(found[2] or found[3])


def is_counted(text: str, form: TimeForm) -> bool:
    """Return True if a text is read as a count of the form's unit."""
    return form.pattern is None and form.unit is not None and is_count(text)


def origin_of(form: TimeForm, table: ZoneTable) -> tuple[int, ZoneTable | None]:
    """The microseconds of the form's origin, and the zone whose wall clock they are of, if it names none."""
    if form.origin is None:
        return 0, None
    micros, named = form.origin
    return micros, None if named else table


def show_count(number: object, form: TimeForm) -> str:
    """A count as messages quote it."""
    since = "1970" if form.origin is None else f"{np.datetime64(form.origin[0], 'us')}"
    return f"{number} ({form.unit} since {since}{_likely_unit(number, form)})"


def _likely_unit(number: object, form: TimeForm) -> str:
    """A hint for a count that is not a time in its own unit, and a time of these years in a finer one; "" otherwise."""
    try:
        count = float(number)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return ""
    start, per = _start(form), {**PER_UNIT, "ns": 1e-3}
    if YEARS_BEGIN <= count * per[form.unit or "us"] + start < YEARS_END:
        return ""
    for unit in ("ms", "us", "ns"):
        micros = count * per[unit] + start
        if 0 <= micros < LIKELY_END:
            return f'; with time_unit = "{unit}" it is {np.datetime64(int(micros), "us").astype("datetime64[D]")}'
    return ""


def _start(form: TimeForm) -> int:
    return 0 if form.origin is None else form.origin[0]


def count_of(text: str, form: TimeForm) -> int:
    """Microseconds of a count of the form's unit, written as a decimal number; the origin is not added.

    Raises `ValueError` with the reason for what is not a number, or is finer than a microsecond.
    """
    found = _COUNT.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        raise ValueError(f"not a number: {text!r}")
    assert form.unit is not None
    fraction = (found[3] or "").rstrip("0")
    exponent = int(found[4] or 0) - len(fraction)
    digits = f"{found[2]}{fraction}".lstrip("0") or "0"
    if digits == "0":
        return 0
    if len(digits) + exponent > _LONGEST // 10:
        raise ValueError(f"{show_count(text, form)} is outside the years 1 to 9999")
    if len(digits) > _LONGEST or exponent < -_LONGEST:
        raise ValueError(f"{show_count(text, form)} {FINER}")
    number = int(f"{found[1]}{digits}")
    # microseconds for each unit, as a fraction
    above, below = (1, 1_000) if form.unit == "ns" else (PER_UNIT[form.unit], 1)
    counted, parts = number * above, below
    if exponent > 0:
        counted *= int("1" + "0" * exponent)
    else:
        parts *= int("1" + "0" * -exponent)
    micros, rest = divmod(counted, parts)
    if not YEARS_BEGIN <= micros + _start(form) < YEARS_END:
        raise ValueError(f"{show_count(text, form)} is outside the years 1 to 9999")
    if not rest:
        return micros
    if form.unit in _DIVIDED:
        # a fraction with all digits of a float means the microsecond that has the same float
        rounded = round(float(text) * above)
        if rounded / above == float(text):
            return rounded
    if not form.cut:
        raise ValueError(f"{show_count(text, form)} {FINER}")
    return micros


def count_of_float(number: float, form: TimeForm) -> int:
    """Microseconds of a count that is a float: those of the shortest text that means it."""
    if not abs(number) < 2.0**64:
        raise ValueError(f"{show_count(number, form)} is outside the years 1 to 9999")
    return count_of(repr(number), form)


def floats_as_counts(numbers: NDArray[np.float64], null: NDArray[np.bool_], form: TimeForm) -> Prepared:
    """(rows,) int64 microseconds of counts, as `count_of_float` reads each; null where `null` is True."""
    assert form.unit is not None
    micros, read = np.zeros(len(numbers), np.int64), null.copy()
    if form.unit != "ns":
        factor = float(PER_UNIT[form.unit])
        small = ~null & (np.abs(numbers) < _EXACT[form.unit])
        # (rows,) the microsecond next to each; it is the right one if it has the same float
        near = np.rint(np.where(small, numbers, 0.0) * factor)
        exact = small & (near / factor == numbers)
        micros[exact], read[exact] = near[exact].astype(np.int64), True
    left = np.flatnonzero(~read)
    if not len(left):
        return Prepared(pa.array(micros, mask=null))
    # repr of each distinct number, which is how a file of text would have it
    distinct, codes = np.unique(numbers[left], return_inverse=True)
    texts = pa.array([repr(number) for number in distinct.tolist()])
    single = parse_distinct(texts, pa.int64(), lambda text: count_of_float(float(text), form)).spread(codes)
    good = np.asarray(single.values.is_valid())
    micros[left[good]] = single.values.drop_null().to_numpy()
    missing = null.copy()
    missing[left[~good]] = True
    return Prepared(pa.array(micros, mask=missing), [(int(left[at]), reason) for at, reason in single.refused])


def parse_counts(texts: pa.Array, form: TimeForm) -> TextTimes:
    """Text that is a number counts the form's unit; any other is ISO 8601."""
    named_origin = form.origin is None or form.origin[1]
    is_count = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _COUNTS), False))
    # (counts,) and (other texts,) the rows of each kind
    rows, others = np.flatnonzero(is_count), np.flatnonzero(~is_count)
    # most columns are of one kind, and need no copy
    whole = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
    counts = parse_likely(whole, pa.int64(), _PLAIN, lambda some: _cast(some, form), lambda text: count_of(text, form))
    # numbers of counts back to rows of the column
    refused = [(int(rows[at]), reason) for at, reason in counts.refused]
    # (rows,) each; the other texts are filled in below
    micros, named = np.zeros(len(texts), np.int64), np.full(len(texts), named_origin)
    null, dates = np.zeros(len(texts), np.bool_), np.full(len(texts), form.unit == "d")
    null[rows] = np.asarray(counts.values.is_null())
    micros[rows] = np.asarray(counts.values.fill_null(0)) + _start(form)
    if not len(others):
        return TextTimes(micros, named, null, refused, (), dates)
    written = texts.take(pa.array(others))
    times = parse_times(written, form.cut)
    micros[others], named[others], null[others] = times.micros, times.named, times.null
    refused += [(int(others[at]), reason) for at, reason in times.refused]
    # a text of ISO 8601 with at most ten characters has a date and no time of day
    dates[others] = np.asarray(pc.fill_null(pc.less_equal(pc.binary_length(written), 10), False))
    return TextTimes(micros, named, null, sorted(refused), [int(others[at]) for at in times.leaps], dates)


def _cast(texts: pa.Array, form: TimeForm) -> NDArray[Any]:
    """Microseconds of many counts at once; raises `pa.ArrowInvalid` if one needs `count_of`."""
    assert form.unit is not None
    if form.unit in _SCALE and has_byte(texts, b"."):
        wide = texts.cast(pa.decimal128(38, _SCALE[form.unit]))
        halves = np.frombuffer(wide.buffers()[1], np.int64)[2 * wide.offset : 2 * (wide.offset + len(wide))]
        micros = halves[0::2]  # numbers of 128 bits, the lower half first
        if not (halves[1::2] == micros >> 63).all():
            raise pa.ArrowInvalid("beyond 64 bits")
    else:
        numbers = np.asarray(texts.cast(pa.int64()))
        factor = PER_UNIT.get(form.unit, 1)
        if len(numbers) and max(-int(numbers.min()), int(numbers.max())) > YEARS_END // factor:
            raise pa.ArrowInvalid("outside the years 1 to 9999")
        micros = numbers * factor if form.unit != "ns" else numbers // 1_000
        if form.unit == "ns" and not form.cut and (micros * 1_000 != numbers).any():
            raise pa.ArrowInvalid("finer than a microsecond")
    start = _start(form)
    if len(micros) and not (int(micros.min()) + start >= YEARS_BEGIN and int(micros.max()) + start < YEARS_END):
        raise pa.ArrowInvalid("outside the years 1 to 9999")
    return micros
