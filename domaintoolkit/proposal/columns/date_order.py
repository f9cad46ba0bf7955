"""Day or month first: decided from the dates of a column, if they tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.text_profile import with_format
from domaintoolkit.times.calendar import DAY

__all__ = ["is_day_first", "settle_dates"]


def is_day_first(time_format: str) -> bool:
    """True if a format has the day before the month."""
    plain = time_format.replace("%-", "%")
    return plain.find("%d") < plain.find("%m")


def settle_dates(profiles: Sequence[Profile], day_first: bool | None) -> tuple[list[Profile], list[Profile]]:
    """The columns with one format for their dates each, and those of which nobody can tell it.

    Dates of another column tell it, the order of the rows, and how close together the dates are.
    """
    known = {
        is_day_first(str(each.settings["time_format"])) for each in profiles
        if each.kind == "time" and each.other_format is None and _has_slashes(each)
    }  # fmt: skip
    made, open_ones = [], []
    for profile in profiles:
        if profile.other_format is None:
            made.append(profile)
            continue
        choice = day_first
        if choice is None:
            choice = next(iter(known)) if len(known) == 1 else _by_values(profile)
        if choice is None:
            open_ones.append(profile)
            choice = True
        formats = (str(profile.settings["time_format"]), profile.other_format)
        chosen = next(each for each in formats if is_day_first(each) == choice)
        made.append(with_format(profile, chosen))
    return made, open_ones


def _has_slashes(profile: Profile) -> bool:
    form = str(profile.settings.get("time_format", "")).replace("%-", "%")
    return form.startswith(("%d/%m", "%m/%d", "%d-%m", "%m-%d"))


def _by_values(profile: Profile) -> bool | None:
    first = str(profile.settings["time_format"])
    assert profile.other_format is not None
    if "." in first.replace("%-", "%")[:3]:
        return True  # dates with points begin with the day
    found: dict[bool, tuple[float, float]] = {}
    for form in (first, profile.other_format):
        times = with_format(profile, form).times
        assert times is not None
        own = times[profile.there]
        found[is_day_first(form)] = _steps(own), _gaps(own)
    (rising, gaps), (other_rising, other_gaps) = found[True], found[False]
    # read wrongly, rows in the order of time jump back and forth between months
    if max(rising, other_rising) > 0.97 and min(rising, other_rising) < 0.95:
        return rising > other_rising
    # read wrongly, the days of a few months are spread over a year
    if max(gaps, other_gaps) > 3 * min(gaps, other_gaps):
        return gaps < other_gaps
    return None


def _steps(times: NDArray[np.int64]) -> float:
    """The share of steps from row to row that go in the direction of most."""
    steps = np.diff(times)
    steps = steps[steps != 0]
    return 0.0 if not len(steps) else float(max((steps > 0).mean(), (steps < 0).mean()))


def _gaps(times: NDArray[np.int64]) -> float:
    """The days from a date to the next later one, on average."""
    days = np.unique(times // DAY)
    return float(np.diff(days).mean()) if len(days) > 1 else 1.0
