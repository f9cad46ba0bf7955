"""`from_time` and `find_parts`: columns that the time of the event, or another time, gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.dependencies import explained, is_bijective
from domaintoolkit.proposal.columns.epochs import epoch_times, epoch_unit
from domaintoolkit.proposal.encoder_choice import Choice, is_hhmm
from domaintoolkit.proposal.time_choice import TimeChoice
from domaintoolkit.schema import Categorical, Numeric, Timestamp
from domaintoolkit.times.calendar import DAY, HOUR, MINUTE

__all__ = ["find_parts", "from_time"]

NEAR = 60.0
"""Seconds from the event's time up to which another says when the event was received or stored."""


def from_time(profile: Profile, time: TimeChoice) -> str | None:
    """The reason to leave out a column that the time gives, such as its weekday; None if it does not."""
    times = _times(profile)
    if times is not None:
        both = time.there & profile.there
        if not both.any():
            return None
        steps = (times - time.times)[both]  # µs
        if (steps == steps[0]).mean() > 0.995:
            null = f", but {profile.missing:.0%} null" if profile.missing > 0.05 else ""
            return f"copy of {time.name}{null}" if steps[0] == 0 else f"derived from {time.name}: always as far from it"
        same = (times // DAY == time.times // DAY)[both]
        has_clock = profile.has_clock or profile.kind == "number"
        if not has_clock:
            return f"derived from {time.name}: its date" if same.mean() > 0.995 else None
        if _is_hour(times[both], time.times[both]):
            return f"derived from {time.name}: its hour"
        away = float(np.quantile(np.abs(steps), 0.995)) / 1e6  # s
        return f"derived from {time.name}: at most {away:.2g} s from it" if away <= NEAR else None
    if profile.distinct < 2 or profile.missing > 0.05 or profile.hints("person") or profile.hints("thing"):
        return None
    if is_hhmm(profile) and profile.numbers is not None:
        both = time.there & profile.there
        clock = time.times // HOUR % 24 * 100 + time.times // MINUTE % 60
        if both.any() and (profile.numbers == clock)[both].mean() > 0.995:
            return f"derived from {time.name}: its time of day"
    is_named = profile.hints("calendar") or profile.hints("time")
    for name, codes in time.calendar.items():
        number = int(codes.max()) + 1
        if number < 2 or number > 0.5 * profile.rows:
            continue
        # in a few rows, nearly anything follows from the month
        if not is_named and (number <= 3 or profile.rows <= 300):
            continue
        is_fine = name in ("date", "week", "month of the year", "day of the year")
        if is_fine and profile.distinct > 0.9 * number and is_bijective(profile.codes, codes, 0.999):
            return f"derived from {time.name}: one value for each {name}"
        if is_fine and name != "date":
            continue
        share, support = explained(codes, profile.codes)
        if name == "date" and share > 0.999 and support > 0.5 and _grows(profile, time):
            return f"derived from {time.name}: it grows with it"
        if not is_fine and share > 0.999 and support > 0.5 and profile.distinct <= number:
            return f"derived from {time.name}: its {name}"
    return None


def find_parts(choices: Sequence[Choice]) -> dict[str, str]:
    """Parts of the calendar that a second time gives, such as the month of posting, each with the reason."""
    seconds = [
        TimeChoice((each.profile,), each.profile.times, each.profile.there, has_clock=each.profile.has_clock)
        for each in choices
        if isinstance(each.spec, Timestamp) and each.profile.kind == "time" and each.profile.times is not None
    ]
    found: dict[str, str] = {}
    for each in choices:
        if isinstance(each.spec, Categorical | Numeric) and each.profile.hints("calendar"):
            reasons = [reason for second in seconds if (reason := from_time(each.profile, second))]
            found |= {each.profile.name: reasons[0]} if reasons else {}
    return found


def _is_hour(cut: NDArray[np.int64], times: NDArray[np.int64]) -> bool:
    """True if times are others without their minutes, perhaps in another zone, which may have a summer time."""
    if (cut % HOUR != 0).any() or not (times % HOUR != 0).any():
        return False
    hours, counts = np.unique(times // HOUR - cut // HOUR, return_counts=True)
    two = np.sort(counts)[-2:].sum() / len(cut)
    return bool(len(hours) < 100 and two > 0.995)


def _times(profile: Profile) -> NDArray[np.int64] | None:
    """The times of a column, as text or as counts since 1970; None if it holds something else."""
    if profile.kind == "time":
        return profile.times
    unit = epoch_unit(profile)
    if unit is None or profile.numbers is None:
        return None
    return epoch_times(profile.numbers, unit)


def _grows(profile: Profile, time: TimeChoice) -> bool:
    """True if numbers never fall as time goes on."""
    is_code = profile.hints("code") and not profile.hints("calendar")
    if profile.numbers is None or not profile.is_whole or profile.distinct < 4 or is_code:
        return False
    rows = np.flatnonzero(profile.there & time.there)
    # by day, and within a day by the number: only a fall from one day to the next counts
    rows = rows[np.lexsort((profile.numbers[rows], time.times[rows] // DAY))]
    return bool((np.diff(profile.numbers[rows]) >= 0).all())
