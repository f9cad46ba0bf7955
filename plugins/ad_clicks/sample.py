"""Simulated clicks in TalkingData's layout: not one row of them is real."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ad_clicks.clickers import Clicks, draw_clicks, draw_lengths
from ad_clicks.kinds import HAMMER, KINDS, bot_kinds, numbers_of

__all__ = ["sample", "sample_with_kinds"]

Ints = NDArray[np.int64]

IPS = 2_048
"""Ips are simulated this many at a time; each lot has its own generator, so no lot depends on another."""
DOWNLOADED = (19, 29, 35, 10, 5)
"""Apps that people download; the others hardly ever are."""
CHANCE = np.array([0.006, 0.08, 0.3, 0.2, 0.08])
"""The chance of a download at the first click on such an app, at the second and so on; a person downloads it once."""
CURIOUS, BORED = 4, 0.3
"""People who have clicked on so many apps download; the others only so often."""


def sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Exactly `events` simulated rows, in lots of ips; the rows of a lot are in the order of their times.

    A larger sample of the same seed begins with the same ips and the same histories, but for the last ip of
    the smaller one, whose history is cut short. `bot_kinds` tells people from bots.
    """
    for batch in sample_with_kinds(events, seed):
        yield batch.drop_columns(["clicker"])


def sample_with_kinds(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """The same rows with a column `clicker`: the kind of the ip, one of `KINDS`."""
    lot = 0
    while events > 0:
        batch = _lot(np.random.default_rng([seed, lot]), lot * IPS, events)
        events -= batch.num_rows
        lot += 1
        yield batch


def _lot(rng: np.random.Generator, first: int, limit: int) -> pa.RecordBatch:
    ips = numbers_of(first + np.arange(1, IPS + 1))
    kinds = bot_kinds(ips)
    clicks = draw_clicks(rng, kinds, draw_lengths(rng, kinds))
    kind = kinds[clicks.user]
    attributed = _downloads(rng, clicks, kind)
    wait = rng.lognormal(6.0, 1.5, len(kind)).astype(np.int64)
    kept = np.argsort(clicks.time[:limit], kind="stable")
    columns = {
        "ip": ips[clicks.user],
        **{name: getattr(clicks, name) for name in ("app", "device", "os", "channel")},
        "click_time": clicks.time * 1_000_000,
        "attributed_time": (clicks.time + wait) * 1_000_000,
        "is_attributed": attributed.astype(np.int64),
    }
    arrays = {name: pa.array(values[kept]) for name, values in columns.items()}
    arrays["attributed_time"] = pa.array(columns["attributed_time"][kept], mask=~attributed[kept])
    for name in ("click_time", "attributed_time"):
        arrays[name] = arrays[name].cast(pa.timestamp("us", "UTC"))
    arrays["clicker"] = pa.array(KINDS).take(pa.array(kind[kept]))
    return pa.RecordBatch.from_pydict(arrays)


def _downloads(rng: np.random.Generator, clicks: Clicks, kind: Ints) -> NDArray[np.bool_]:
    """(clicks,) True for a download, whose chance depends on the clicks before: how many on the app, and on how many.

    Clicks come in the order of each ip's time.
    """
    key = clicks.user * (1 << 20) + clicks.app
    order = np.argsort(key, kind="stable")
    opens = np.append(True, np.diff(key[order]) != 0)
    groups = np.cumsum(opens) - 1
    times = np.empty(len(key), np.int64)
    times[order] = np.arange(len(key)) - np.flatnonzero(opens)[groups]
    # (clicks,) apps that the ip has clicked on so far
    new = times == 0
    so_far = np.cumsum(new)
    first = np.flatnonzero(np.append(True, np.diff(clicks.user) != 0))
    apps = so_far - np.repeat(so_far[first] - new[first], np.diff(np.append(first, len(key))))
    chance = np.where(np.isin(clicks.app, DOWNLOADED), CHANCE[np.minimum(times, len(CHANCE) - 1)], 0.0008)
    chance = chance * np.where(apps >= CURIOUS, 1.0, BORED) * np.where(kind >= HAMMER, 0.02, 1.0)
    found = rng.random(len(key)) < chance
    # only the first download of an app by an ip counts
    places = order[found[order]]
    _, once = np.unique(key[places], return_index=True)
    kept = np.zeros(len(key), np.bool_)
    kept[places[once]] = True
    return kept
