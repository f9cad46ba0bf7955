"""Rules of thumb on what bots do: each gives every entity a number, the higher the more like a bot.

| rule | high for |
|---|---|
| `steady` | pauses of nearly one length |
| `fast` | short pauses |
| `sleepless` | events at all hours of the day |
| `busy` | many events |
| `repeats:FIELD` | one value of the field again and again |
| `varies:FIELD` | another value of the field at each event |
| `cycles:FIELD` | values that come again after the same number of events |
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import Problem, SchemaError, unknown_name
from domaintoolkit.next_events import FolderHistories, find_values
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["RULES", "rank_entities", "rule_values"]

Floats = NDArray[np.float64]
Longs = NDArray[np.int64]

LONGEST_CYCLE = 12
FEW = 3
"""Events from which a rule on a series says something; of fewer, `rule_values` gives NaN."""
HOUR = 3_600_000_000


def rule_values(histories: FolderHistories, tokenizer: DomainTokenizer, rule: str) -> Floats:
    """(n,) what a rule says of each history; NaN for one that is too short for it.

    Raises `SchemaError` for a rule that does not exist, or that needs a time column or a field.
    """
    name, _, field = rule.partition(":")
    if name not in RULES:
        raise SchemaError([Problem("rule", unknown_name("rule", name, sorted(RULES)))], "options")
    needs_field = name in BY_FIELD
    if needs_field != bool(field):
        expected = f"{name}:FIELD" if needs_field else name
        raise SchemaError([Problem("rule", f"expected {expected}, got {rule!r}")], "options")
    if needs_field:
        return BY_FIELD[name](find_values(histories, tokenizer, field).codes, histories)
    if name != "busy" and histories.times is None:
        raise SchemaError([Problem("rule", f"{name} needs times, and the schema has no time column")], "options")
    return BY_TIME[name](histories)


def _owners(histories: FolderHistories) -> Longs:
    """(events,) the history of each."""
    return np.repeat(np.arange(len(histories)), histories.counts)


def _log_gaps(histories: FolderHistories) -> tuple[Longs, Floats]:
    """(the history of each pause, its logarithm in seconds)."""
    owners, gaps = _owners(histories), np.diff(histories.clock)
    # (events - 1,) True for two events of one history that have times
    same = (owners[1:] == owners[:-1]) & ~np.isnan(gaps)
    return owners[1:][same], np.log1p(gaps[same] / 1e6)


def _steady(histories: FolderHistories) -> Floats:
    owners, gaps = _log_gaps(histories)
    # (n,) pauses of each history, and below their mean and their mean square deviation
    count = np.bincount(owners, minlength=len(histories))
    mean = np.bincount(owners, gaps, len(histories)) / np.maximum(count, 1)
    square = np.bincount(owners, (gaps - mean[owners]) ** 2, len(histories)) / np.maximum(count, 1)
    # the deviation of logarithms: pauses of 1 to 2 minutes vary as much as those of 1 to 2 hours
    return np.where(count >= FEW, -np.sqrt(square), np.nan)


def _fast(histories: FolderHistories) -> Floats:
    owners, gaps = _log_gaps(histories)
    order = np.lexsort((gaps, owners))
    count = np.bincount(owners, minlength=len(histories))
    # (n,) where the median of each history lies in that order, of an even number the lower one
    middle = np.cumsum(count) - count + np.maximum(count - 1, 0) // 2
    if not len(gaps):
        return np.full(len(histories), np.nan)
    median = gaps[order][np.minimum(middle, len(gaps) - 1)]
    return np.where(count >= 1, -median, np.nan)


def _sleepless(histories: FolderHistories) -> Floats:
    there = ~np.isnan(histories.clock)
    owners, hours = _owners(histories)[there], (histories.clock[there] // HOUR % 24).astype(np.int64)
    # one number for each history and hour of the day
    pairs = np.unique(owners * 24 + hours)
    found = np.bincount(pairs // 24, minlength=len(histories)).astype(np.float64)
    counts = np.bincount(owners, minlength=len(histories))
    # the share of the hours that so many events can reach
    return np.where(counts >= FEW, found / np.minimum(np.maximum(counts, 1), 24), np.nan)


def _busy(histories: FolderHistories) -> Floats:
    return np.log1p(histories.counts.astype(np.float64))


def _value_counts(codes: Longs, histories: FolderHistories) -> tuple[Longs, Longs]:
    """(history, how often it has a value) for each value that it has."""
    size = int(codes.max(initial=0)) + 2
    # one number for each history and value; codes begin at -1, for null
    pairs, times = np.unique(_owners(histories) * size + codes + 1, return_counts=True)
    return pairs // size, times


def _repeats(codes: Longs, histories: FolderHistories) -> Floats:
    owner, times = _value_counts(codes, histories)
    # (n,) events with the value that is most frequent in the history
    most = np.zeros(len(histories), np.int64)
    np.maximum.at(most, owner, times)
    return np.where(histories.counts >= FEW, most / np.maximum(histories.counts, 1), np.nan)


def _varies(codes: Longs, histories: FolderHistories) -> Floats:
    owner, _ = _value_counts(codes, histories)
    # (n,) different values
    kinds = np.bincount(owner, minlength=len(histories))
    return np.where(histories.counts >= FEW, kinds / np.maximum(histories.counts, 1), np.nan)


def _cycles(codes: Longs, histories: FolderHistories) -> Floats:
    """The largest share of events with the value of the event so many before, over all numbers from 2 on.

    The share that chance gives, the sum of the squares of the values' shares, is taken off.
    """
    owner, times = _value_counts(codes, histories)
    counts = np.maximum(histories.counts, 1)
    # (n,) that two events have the same value, if values come in any order
    chance = np.bincount(owner, (times / counts[owner]) ** 2, len(histories))
    best = np.full(len(histories), np.nan)
    owners = _owners(histories)
    for apart in range(2, LONGEST_CYCLE + 1):
        if len(codes) <= apart:
            break
        # (events - apart,) True if both events are of one history, and if they have the same value
        same = owners[apart:] == owners[:-apart]
        again = (codes[apart:] == codes[:-apart]) & same
        share = np.bincount(owners[apart:][again], minlength=len(histories)) / np.maximum(counts - apart, 1)
        # a cycle has to be there twice to be seen
        best = np.fmax(best, np.where(histories.counts >= 2 * apart, share - chance, np.nan))
    return best


BY_TIME: dict[str, Callable[[FolderHistories], Floats]] = {
    "steady": _steady,
    "fast": _fast,
    "sleepless": _sleepless,
    "busy": _busy,
}
BY_FIELD: dict[str, Callable[[Longs, FolderHistories], Floats]] = {
    "repeats": _repeats,
    "varies": _varies,
    "cycles": _cycles,
}
RULES = (*BY_TIME, *BY_FIELD)


def rank_entities(values: Floats) -> Floats:
    """(n,) the share of the entities with a value that have a lower one, or half of those with the same; NaN stays."""
    there = ~np.isnan(values)
    # a value lies between the places of its first and its last equal, NaN anywhere
    ordered = np.sort(values[there])
    low, high = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.where(there, (low + high) / 2 / max(1, len(ordered)), np.nan)
