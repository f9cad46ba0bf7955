"""The kind of each simulated ip, person or bot: a function of the ip, so that any sample can be labelled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "FARM",
    "HAMMER",
    "HOUSEHOLD",
    "KINDS",
    "MIMIC",
    "NETWORK",
    "PEOPLE",
    "REPLAY",
    "ROTATOR",
    "SHORT",
    "bot_kinds",
    "numbers_of",
]

HOUSEHOLD, NETWORK, HAMMER, ROTATOR, FARM, REPLAY, MIMIC, SHORT = range(8)
KINDS = ("person", "network", "hammer", "rotator", "farm", "replay", "mimic", "short")
PEOPLE = KINDS[:2]
"""People alone and people behind a shared ip; the other six are bots."""
SHARE = (0.71, 0.10, 0.03, 0.02, 0.02, 0.02, 0.05, 0.05)

Ints = NDArray[np.int64]


def bot_kinds(ips: Ints) -> NDArray[np.int64]:
    """The place in `KINDS` of each simulated ip. It says nothing about ips that were not simulated.

    `hammer` clicks one advertisement at a steady beat, `rotator` goes round its channels in a fixed order,
    `farm` changes device and system at every click on one app, and `replay` repeats a short recorded visit. `mimic`
    keeps to the hours and pauses of people, but the bots of a net share a few apps and use more of their channels than
    people do; `short` leaves an ip after a few clicks, most of them on the target of its net.
    """
    mixed = np.asarray(ips).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9)
    uniform = ((mixed ^ (mixed >> np.uint64(32))) >> np.uint64(11)) * 2.0**-53
    return np.searchsorted(np.cumsum(SHARE), uniform).clip(0, len(KINDS) - 1)


def numbers_of(users: Ints) -> Ints:
    """The ip of each simulated user, as a number that looks like TalkingData's; no two users share one."""
    return users * 2_654_435_761 % (1 << 32)
