"""Columns that a time gives: the event's time, or another one that is kept."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
from raw_tables import write_rows

from domaintoolkit.proposal import propose


def test_what_times_give_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    at, rows = dt.datetime(2023, 3, 1), []
    for row in range(1_200):
        at += dt.timedelta(minutes=int(rng.integers(1, 900)))
        posted = at.date() + dt.timedelta(days=int(rng.integers(0, 20)))
        hour = at.replace(minute=0) + dt.timedelta(hours=4 if 3 < at.month < 11 else 5)
        rounds = int((at - dt.datetime(2023, 1, 1)).total_seconds() / 300_000)
        rows.append([f"u{row % 40}", at, posted, f"{posted:%Y%m}", hour, rounds, int(f"{at:%H%M}"), "abc"[row % 3]])
    path = write_rows(tmp_path / "rows.csv", rows, "user_id at posted year_month hour_utc rounds dep_time kind")
    found = {each.header: (each.role, each.reason) for each in propose([str(path)]).columns}
    assert found["posted"] == ("field", "a second time")
    assert found["year_month"] == ("left out", "derived from posted: one value for each month of the year")
    assert found["hour_utc"] == ("left out", "derived from at: its hour")
    assert found["dep_time"] == ("left out", "derived from at: its time of day")
    assert found["rounds"] == ("left out", "counts with the time")
