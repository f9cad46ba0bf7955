"""When simulated users come: sessions with a daily and a weekly rhythm, and the pauses within them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ecommerce_rees46.catalogue import pick

__all__ = ["event_times", "session_names"]

FIRST_DAY = 1_569_888_000
"""2019-10-01, a Tuesday, in seconds since the epoch."""
DAYS = 61
BY_WEEKDAY = (1.0, 0.97, 0.98, 1.0, 1.05, 1.22, 1.2)
BY_HOUR = (3, 4, 8, 16, 26, 34, 40, 44, 47, 48, 48, 47, 47, 49, 53, 58, 62, 60, 50, 35, 20, 11, 6, 4)
BETWEEN_SESSIONS = 1_800

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def event_times(rng: np.random.Generator, user: Ints, session_start: Bools, pause: Floats, kind_pause: Floats) -> Ints:
    """The second of each event, rising within each user; `user` is the user's number of each event.

    `pause` scales the time since the event before, which is a session's own pace of about half a minute.
    """
    session = np.cumsum(session_start) - 1
    who = user[session_start]
    pace = kind_pause[who]
    gap = np.ceil(pause * pace[session] * rng.lognormal(0.0, 1.1, len(user))).astype(np.int64)
    elapsed = np.cumsum(np.where(session_start, 0, gap))
    at_start = elapsed[session_start]
    within = elapsed - at_start[session]
    last = np.append(np.flatnonzero(session_start)[1:], len(user)) - 1
    starts = _apart(_session_starts(rng, who), within[last] + BETWEEN_SESSIONS, who)
    times: Ints = FIRST_DAY + starts[session] + within
    return times


def _session_starts(rng: np.random.Generator, who: Ints) -> Ints:
    """Seconds since the first day, sorted within each user: a day of the week, and the user's own hour or any."""
    days = _cumulative([BY_WEEKDAY[(1 + day) % 7] for day in range(DAYS)])
    day = pick(days, rng.random(len(who)))
    hour = _hours(rng, len(who))
    own = _hours(rng, int(who[-1]) + 1)[who] + rng.normal(0.0, 1.5, len(who))
    hour = np.where(rng.random(len(who)) < 0.6, own % 24, hour)
    width = (DAYS + 1) * 86_400
    return np.sort(who * width + day * 86_400 + (hour * 3_600).astype(np.int64)) - who * width


def _hours(rng: np.random.Generator, size: int) -> Floats:
    return pick(_cumulative(BY_HOUR), rng.random(size)) + rng.random(size)


def _cumulative(weights: object) -> Floats:
    shares = np.asarray(weights, dtype=np.float64)
    total: Floats = np.cumsum(shares / shares.sum())
    return total


def _apart(starts: Ints, length: Ints, who: Ints) -> Ints:
    """Put off each session until the one before it is over: start'[k] = max(start[k], start'[k-1] + length[k-1])."""
    before: Ints = np.cumsum(length) - length
    apart = 1 << 40
    pushed: Ints = np.maximum.accumulate(starts - before + who * apart)
    return pushed + before - who * apart


def session_names(rng: np.random.Generator, size: int) -> NDArray[np.uint8]:
    """Random UUIDs as text, one of 36 characters a row."""
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    raw = rng.integers(0, 256, (size, 16), dtype=np.uint8)
    text = np.full((size, 36), ord("-"), np.uint8)
    places = [place for place in range(36) if place not in (8, 13, 18, 23)]
    text[:, places[0::2]] = digits[raw >> 4]
    text[:, places[1::2]] = digits[raw & 15]
    text[:, 14] = ord("4")
    return text
