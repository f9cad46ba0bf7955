"""Columns of text in ISO 8601 as times and dates: as `times.iso_text` reads each text, but many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.times.calendar import DAY, day_number
from domaintoolkit.times.iso_text import DATE_LENGTH, PLACE, ZONE, parse_date, parse_time
from domaintoolkit.values.columns import find_outside
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import has_byte, parse_likely, try_blocks

__all__ = ["LeapSeconds", "TextTimes", "parse_dates", "parse_times"]

_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"


def _likely(fraction: str) -> str:
    """A text that matches is a time but for the 29th of February, the year 0 and offsets: casts seldom fail."""
    return (
        r"^[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
        r"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|[12][0-9]))"
        rf"(?:[Tt ](?:[01][0-9]|2[0-3])(?::[0-5][0-9](?::[0-5][0-9](?:[.,]{fraction})?)?)?(?:{ZONE})?)?$"
    )


_LIKELY, _LIKELY_CUT = _likely("[0-9]{1,6}0*"), _likely("[0-9]+")

_NAMES_ZONE = rf"^.{{11}}.*{ZONE}{PLACE}$"
"""Matches the times that name their zone: a date ends like an offset, but is shorter."""

_WITH_SIX_DIGITS = len("2019-10-01 10:00:00.123456")

_LOCAL, _ZONED = pa.timestamp("us"), pa.timestamp("us", "UTC")


class TextTimes(NamedTuple):
    """The times of texts; each array is (texts,)."""

    micros: NDArray[np.int64]
    """Microseconds since 1970, in UTC if the text names its zone and of the wall clock otherwise; 0 if invalid."""
    named: NDArray[np.bool_]
    """True if the text names its zone."""
    null: NDArray[np.bool_]
    """True if the text is null or refused."""
    refused: list[tuple[int, str]]
    leaps: Sequence[int] = ()
    """The rows of leap seconds, which are read as the last microsecond before."""
    dates: NDArray[np.bool_] | None = None
    """True for dates without a time of day; None if only the texts of at most `DATE_LENGTH` characters are dates."""


class LeapSeconds:
    """Remembers the texts that were read as leap seconds, which are few: their rows are found by their text."""

    def __init__(self) -> None:
        self._texts: list[str] = []

    def note(self, text: str, is_leap: bool) -> None:
        """Remember a text if it is a leap second."""
        if is_leap:
            self._texts.append(text)

    def rows(self, texts: pa.Array) -> list[int]:
        """The rows of the remembered texts."""
        if not self._texts:
            return []
        found: list[int] = np.flatnonzero(np.asarray(pc.is_in(texts, pa.array(self._texts, texts.type)))).tolist()
        return found


def parse_times(texts: pa.Array, cut: bool = False) -> TextTimes:
    """Read a column of text, as `parse_time` reads each."""
    return _concat(try_blocks(texts, _cast_alike, lambda some: _parse_mixed(some, cut)))


def parse_dates(texts: pa.Array) -> Prepared:
    """A column of text as date32, as `parse_date` reads each."""
    try:
        if pc.all(pc.equal(pc.binary_length(texts), DATE_LENGTH)).as_py() is not False:
            days = texts.cast(pa.date32())
            if not find_outside(days):  # Arrow reads the year 0
                return Prepared(days)
    except pa.ArrowInvalid:
        pass
    days = parse_likely(texts, pa.int64(), f"^{_DATE}$", _cast_days, parse_date)
    return Prepared(days.values.cast(pa.int32()).view(pa.date32()), days.refused)


def _integers(times: pa.Array) -> NDArray[np.int64]:
    numbers = times.view(pa.int64())
    return np.asarray(numbers.fill_null(0) if numbers.null_count else numbers)


def _cast_alike(texts: pa.Array) -> TextTimes:
    """The times of texts that all have the form of the first.

    Arrow's own parser takes about 30 ns a text. It reads only texts that `parse_time` reads, except for the
    year 0; it raises `pa.ArrowInvalid` if one text is of another form.
    """
    # the first text tells the form; a null does not
    first = next((item.as_py() for item in texts[:64].cast(pa.large_binary()) if item.is_valid), b"")
    if first.endswith(b" UTC") and pc.all(pc.ends_with(texts, " UTC")).as_py():
        if pc.min(pc.binary_length(texts)).as_py() <= DATE_LENGTH + len(" UTC"):
            raise pa.ArrowInvalid("a date that names a zone")
        # without the suffix; a second zone before it makes the cast fail
        times, named = pc.utf8_slice_codeunits(texts, 0, -4).cast(_LOCAL), True
    else:
        named = len(first) > DATE_LENGTH and re.search(rf"{ZONE}$".encode(), first[DATE_LENGTH + 1 :]) is not None
        times = texts.cast(_ZONED if named else _LOCAL)
    return TextTimes(_integers(_refuse_year_0(times)), np.full(len(texts), named), np.asarray(times.is_null()), [])


def _refuse_year_0(times: pa.Array) -> pa.Array:
    """The same times; raises `pa.ArrowInvalid` if one is of the year 0, which `parse_time` refuses."""
    # with an offset, a time in the year 1 may be up to a day before it in UTC
    if len(times) and times.null_count < len(times) and pc.min(times.view(pa.int64())).as_py() < _YEAR_1 - DAY:
        raise pa.ArrowInvalid("the year 0")
    return times


_YEAR_1 = day_number(1, 1, 1) * DAY


def _concat(parts: Sequence[TextTimes]) -> TextTimes:
    if len(parts) == 1:
        return parts[0]
    micros, named, null = (np.concatenate(arrays) for arrays in zip(*(part[:3] for part in parts), strict=True))
    # rows are counted from the first text of all parts
    starts = list(accumulate((len(part.micros) for part in parts), initial=0))
    refused = [
        (start + row, reason) for start, part in zip(starts, parts, strict=False) for row, reason in part.refused
    ]
    leaps = [start + row for start, part in zip(starts, parts, strict=False) for row in part.leaps]
    return TextTimes(micros, named, null, refused, leaps)


def _parse_mixed(texts: pa.Array, cut: bool) -> TextTimes:
    """Times of several forms: those that name a zone and those that do not, each cast at once if Arrow can."""
    named = np.asarray(pc.fill_null(pc.match_substring_regex(texts, _NAMES_ZONE), False))
    micros, null = np.zeros(len(texts), np.int64), np.ones(len(texts), np.bool_)
    refused: list[tuple[int, str]] = []
    leaps = LeapSeconds()

    def parse(text: str) -> int:
        time, _, is_leap = parse_time(text, cut)
        leaps.note(text, is_leap)
        return time

    # Arrow casts to a type with a zone or to one without, never a mixture
    for zoned in (False, True):
        rows = np.flatnonzero(named == zoned)
        cast = _cast_zoned if zoned else _cast_local
        part = texts if len(rows) == len(texts) else texts.take(pa.array(rows))
        # texts that look like times are cast together, and only the others are read one by one
        some = parse_likely(part, pa.int64(), _LIKELY_CUT if cut else _LIKELY, cast, parse, _in_arrows_form)
        micros[rows] = _integers(some.values)
        null[rows] = np.asarray(some.values.is_null())
        refused += [(int(rows[at]), reason) for at, reason in some.refused]
    return TextTimes(micros, named, null, sorted(refused), leaps.rows(texts))


def _cast_local(texts: pa.Array) -> NDArray[np.int64]:
    return _integers(_refuse_year_0(texts.cast(_LOCAL)))


def _cast_zoned(texts: pa.Array) -> NDArray[np.int64]:
    return _integers(_refuse_year_0(texts.cast(_ZONED)))


def _cast_days(texts: pa.Array) -> NDArray[np.int64]:
    return _integers(_refuse_year_0(texts.cast(_LOCAL))) // DAY


def _in_arrows_form(texts: pa.Array) -> pa.Array:
    """Times as Arrow's parser takes them: `T` and `Z` in capitals, a point, no space before a zone, six digits.

    A replacement by a regular expression takes 150 to 250 ns a text, so each is only made if a text needs it.
    """
    texts = pc.ascii_upper(texts)
    if has_byte(texts, b","):
        texts = pc.replace_substring(texts, ",", ".")
    if has_byte(texts, b"UG"):
        texts = pc.replace_substring_regex(texts, " ?(?:UTC|GMT)$", "Z")
    if pc.any(pc.match_substring_regex(texts, " [-+Z]")).as_py():
        texts = pc.replace_substring_regex(texts, " ([-+Z])", r"\1")
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > _WITH_SIX_DIGITS and has_byte(texts, b"."):
        # `_LIKELY` lets only zeros through there, unless times are cut
        texts = pc.replace_substring_regex(texts, r"(\.[0-9]{6})[0-9]+", r"\1")
    return texts
