"""Simulated clicks in TalkingData's layout: not one row of them is real."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from ad_clicks.clickers import draw_clicks, draw_lengths
from ad_clicks.kinds import HAMMER, KINDS, bot_kinds, numbers_of

__all__ = ["sample", "sample_with_kinds"]

IPS = 2_048
"""Ips are simulated this many at a time; each lot has its own generator, so no lot depends on another."""
DOWNLOADED = (19, 29, 35, 10, 5)
"""Apps that are downloaded after one click in twenty of a person; the others hardly ever are."""


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
    chance = np.where(np.isin(clicks.app, DOWNLOADED), 0.05, 0.0015) * np.where(kind >= HAMMER, 0.02, 1.0)
    attributed = rng.random(len(kind)) < chance
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
