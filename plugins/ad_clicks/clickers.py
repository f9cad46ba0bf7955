"""The clicks of people and bots: each value is a function of the clicker and the click's number."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ad_clicks.kinds import FARM, HOUSEHOLD, MIMIC, NETWORK, REPLAY, ROTATOR, SHORT

__all__ = ["Clicks", "draw_clicks", "draw_lengths"]

START, SPAN = 1_509_984_000, 3 * 86_400
"""2017-11-06 16:00 UTC, and three days from then, in seconds."""
APPS, CHANNELS, DEVICES, SYSTEMS = 700, 480, 2_000, 400
BY_HOUR = (56, 51, 51, 53, 60, 54, 51, 51, 46, 49, 55, 53, 53, 56, 55, 50, 38, 22, 12, 9, 7, 9, 20, 39)

MEDIAN = np.array([7.0, 30.0, 60.0, 45.0, 50.0, 40.0, 12.0, 2.5])
"""Clicks of a clicker of each kind; the tail is heavy."""
PAUSE = np.array([900.0, 300.0, 20.0, 45.0, 60.0, 30.0, 700.0, 600.0])
"""Seconds between clicks of one visit, by kind."""
UNEVEN = np.array([1.5, 1.6, 0.03, 0.25, 0.9, 0.6, 1.4, 1.4])
"""Their spread, as the standard deviation of their logarithm."""
VISITS = np.array([0.2, 0.08, 0.005, 0.01, 0.02, 0.0, 0.18, 0.15])
"""Chance that a click comes hours after the one before."""
PERIOD = 6
"""Clicks in the visit that a replay repeats, and channels that a rotator goes round."""
NETS = 9
"""Nets of bots: those of one share their apps."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Clicks:
    """One entry a click. `user` is the place of its clicker."""

    user: Ints
    device: Ints
    os: Ints
    app: Ints
    channel: Ints
    time: Ints

    def within(self, end: int) -> Clicks:
        """The clicks before `end`."""
        kept = self.time < end
        return Clicks(*(getattr(self, entry.name)[kept] for entry in fields(self)))


def draw_lengths(rng: np.random.Generator, kind: Ints) -> Ints:
    """The number of clicks of each clicker, unless the three days are over first."""
    lengths: Ints = rng.lognormal(np.log(MEDIAN[kind]), 1.0).astype(np.int64)
    return lengths.clip(1, 3_000)


def draw_clicks(rng: np.random.Generator, kind: Ints, lengths: Ints) -> Clicks:
    """The clicks of clickers of these kinds, of `lengths` at most, one clicker after another."""
    user = np.repeat(np.arange(len(kind)), lengths)
    number = np.arange(len(user)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    what = kind[user]
    person = _persons(rng, what, user, len(kind))
    visit = number == 0
    human = _is_humanlike(what)
    moved = visit | (rng.random(len(user)) < np.where(human, 0.4, 0.0))
    run = np.cumsum(moved) - 1
    app = _apps(rng, person, what, int(run[-1]) + 1, run)
    step = np.where(what == REPLAY, number % PERIOD, np.where(what == ROTATOR, number % PERIOD, 0))
    app = np.where(what == REPLAY, _ranked(_mixed(user, 3, step), APPS, 1.1), app)
    device, system = _devices(rng, what, person)
    # of the channels of an app, people use the first half
    wide = rng.integers(0, PERIOD, len(user))
    choice = np.where(
        human & (what != MIMIC), wide % 3, np.where(human, wide, np.where(what == FARM, person % 2, step))
    )
    choice = np.where(what == SHORT, 2 + wide % 4, choice)
    times = _times(rng, what, user, visit, kind)
    return Clicks(user, device, 1 + system, 1 + app, _channels(app, choice), times).within(START + SPAN)


def _is_humanlike(what: Ints) -> NDArray[np.bool_]:
    """People, and bots that take after them: several apps, one after another."""
    return np.asarray((what <= NETWORK) | (what == MIMIC) | (what == SHORT))


def _persons(rng: np.random.Generator, what: Ints, user: Ints, size: int) -> Ints:
    """Who is at the device: one or two in a household, many behind a network, a new one at each farm click."""
    among = np.select([what == HOUSEHOLD, what == NETWORK], [1 + user % 2, 12], 1)
    chosen = (rng.random(len(user)) ** 2 * among).astype(np.int64)
    person = user * 64 + chosen
    return np.where(what == FARM, size * 64 + rng.integers(0, 1 << 40, len(user)), person)


def _devices(rng: np.random.Generator, what: Ints, person: Ints) -> tuple[Ints, Ints]:
    """Nearly everyone has device 1, as in TalkingData; systems differ, and a farm makes up both."""
    salt = int(rng.integers(1 << 30))
    common = _mixed(person, 1, salt)
    device = np.where(common < 0.94, 1, np.where(common < 0.985, 2, 3 + _ranked(common * 67 % 1, DEVICES, 1.2)))
    system = _ranked(_mixed(person, 2, salt), SYSTEMS, 0.9)
    farmed = what == FARM
    return np.where(farmed, 3 + _ranked(common, DEVICES, 0.6), device), system


def _apps(rng: np.random.Generator, person: Ints, what: Ints, runs: int, run: Ints) -> Ints:
    """A person keeps to an app for a while, mostly one of three; a bot has one target."""
    salt = int(rng.integers(1 << 30))
    favourite = rng.integers(0, 3, runs)[run]
    # the bots of a net have the favourites of one
    owner = np.where((what == MIMIC) | (what == SHORT), (person // 64) % NETS - NETS, person)
    own = _ranked(_mixed(owner * 4 + np.where(what == SHORT, 0, favourite), 4, salt), APPS, 1.1)
    anything = _ranked(rng.random(runs), APPS, 1.1)[run]
    chosen = np.where((rng.random(runs) < 0.3)[run], anything, own)
    return np.where(_is_humanlike(what), chosen, _ranked(_mixed(run, 5, salt), APPS, 0.8))


def _channels(app: Ints, choice: Ints) -> Ints:
    """Each app is advertised on a few channels of its own."""
    return 100 + (_mixed(app * PERIOD + choice, 6) * CHANNELS).astype(np.int64)


def _times(rng: np.random.Generator, what: Ints, user: Ints, first: NDArray[np.bool_], kind: Ints) -> Ints:
    """Pauses added up from a random start. People's clocks run with the day's rhythm, those of bots evenly."""
    pause = PAUSE[what] * np.exp(UNEVEN[what] * rng.standard_normal(len(user)))
    late = rng.random(len(user)) < VISITS[what]
    gap = np.where(late, rng.uniform(3_600.0, 40_000.0, len(user)), pause).astype(np.int64)
    elapsed = np.cumsum(np.where(first, 0, gap))
    start = rng.integers(0, 2 * SPAN // 3, len(kind))
    even = start[user] + elapsed - elapsed[first][user]
    return START + np.where((what <= NETWORK) | (what == MIMIC), _daily(even), even)


def _daily(even: Ints) -> Ints:
    """Stretch the quiet hours of each day and squeeze the busy ones; no two times change their order."""
    by_hour = np.roll(BY_HOUR, -(START // 3_600 % 24))
    shares = np.concatenate([[0.0], np.cumsum(by_hour / by_hour.sum())])
    within: Floats = np.interp(even % 86_400, shares * 86_400, np.arange(25) * 3_600.0)
    return even // 86_400 * 86_400 + within.astype(np.int64)


def _mixed(number: Ints, *salts: int | Ints) -> Floats:
    """A number in [0, 1) for each `number`, the same wherever the same numbers meet."""
    mixed = number.astype(np.uint64)
    for salt in salts:
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9) + np.asarray(salt).astype(np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    uniform: Floats = ((mixed ^ (mixed >> np.uint64(31))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return uniform


def _ranked(uniform: Floats, size: int, exponent: float) -> Ints:
    """A rank from 0 for each uniform number, by Zipf's law."""
    shares = np.arange(1, size + 1) ** -exponent
    ranks: Ints = np.searchsorted(np.cumsum(shares / shares.sum()), uniform)
    return ranks.clip(0, size - 1)
