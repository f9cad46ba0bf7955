"""Durations are read as people write them, exactly, or not at all."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.times.durations import duration_hint, parse_duration

DELTAS = st.timedeltas(timedelta(-9999), timedelta(9999))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1:05:30", 3930), ("-00:00:01.5", "-1.5"), ("100:00:00", 360_000), ("00:05:30,25", "330.25"),
        ("2 days 03:04:05", 183_845), ("2 days, 3:04:05", 183_845), ("1 day 02:00", 93_600), ("2 days", 172_800),
        ("-1 day, 23:59:00", -60), ("-1 days +23:59:59", -1), ("-1 days 02:00:00", -93_600), ("1.02:03:04", 93_784),
        ("PT5M", 300), ("P1DT2H3M4.5S", "93784.5"), ("-PT1H", -3600), ("P2W", 1_209_600), ("PT0,5H", 1800),
        ("1h 30min", 5400), ("1h30m15s", 5415), ("1h05", 3900), ("2 Stunden 5 Min.", 7500), ("250 ms", "0.25"),
        ("1 day, 2 hours, 3 minutes", 93_780), ("-5 min", -300), ("1.5h", 5400), ("5:30.25", "330.25"),
        *((text, None) for text in (
            "", "12", "05:30", "1:75:00", "1:2:3", "P", "PT", "P1Y", "PT5", "1 d 2", "5 min 1 h", "1h 2h",
            "1 d 30:00:00", "1:05:30 AM", "tea", "2024-01-01", "1:05:30:00", "x" * 100, "\u0661:\u0660\u0665",
            "1 m 5 kg",
        )),
    ],
)  # fmt: skip
def test_a_duration_is_read_exactly_or_not_at_all(text: str, seconds: int | str | None) -> None:
    assert parse_duration(text) == (None if seconds is None else Fraction(seconds))


def test_two_numbers_are_read_as_the_caller_says() -> None:
    assert parse_duration("05:30", "m:ss") == 330
    assert parse_duration("90:30", "m:ss") == 5430
    assert parse_duration("05:30", "h:mm") == 19_800
    assert parse_duration("100:30", "h:mm") == 361_800
    assert parse_duration("05:75", "m:ss") is parse_duration("05:75", "h:mm") is None


@given(DELTAS)
def test_what_python_and_pandas_write_is_read_back(value: timedelta) -> None:
    exact = Fraction(value // timedelta(microseconds=1), 10**6)
    assert parse_duration(str(value)) == exact
    assert parse_duration(str(pd.Timedelta(value))) == exact
    assert parse_duration(pd.Timedelta(value).isoformat()) == exact


def test_a_hint_names_the_settings_that_are_missing() -> None:
    assert "set duration_unit = 's' for" in duration_hint("1:05:30", "", None)
    assert "set duration_unit = 's' and duration_clock = 'm:ss' (or 'h:mm')" in duration_hint("05:30", "", None)
    assert "set duration_clock = 'm:ss' (or 'h:mm') for" in duration_hint("05:30", "s", None)
    assert duration_hint("05:30", "s", "m:ss") == duration_hint("tea", "", None) == ""
    assert "years and months are not equally long" in duration_hint("P1Y2M", "s", None)
