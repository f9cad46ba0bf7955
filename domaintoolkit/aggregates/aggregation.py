"""`aggregate`: the features of each label row, from the events that are known as of its date."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.aggregates.decoded_events import SECOND, DecodedEvents
from domaintoolkit.aggregates.features import WINDOWS, Block, FeaturePlan, Ranges, event_blocks, static_blocks
from domaintoolkit.jobs import Progress
from domaintoolkit.labels import LabelTable, Placement, place_labels
from domaintoolkit.storage import EncodedFolder, ShardRows
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["AggregateSettings", "Aggregates", "aggregate"]

TOKENS = 1 << 22
"""Tokens that are decoded at a time, or one longer history."""
CHOSEN = 3
"""Windows that are chosen if none are given."""
END = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class AggregateSettings:
    """The number of features."""

    top: int = 200
    """Values of each category that are counted, the most frequent of the vocabulary."""
    windows: tuple[int, ...] | None = None
    """Lengths in seconds of the windows before the date that trends are taken over. None chooses three: the longest of
    an hour to three years that are shorter than most histories of the training rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """One row a label row, one column a feature."""

    names: tuple[str, ...]
    values: NDArray[np.float32]
    """(rows, features); NaN for a feature of nothing, such as the mean of no values."""
    windows: tuple[int, ...]
    """Those that trends were taken over."""


def aggregate(
    folder: EncodedFolder,
    labels: LabelTable,
    settings: AggregateSettings | None = None,
    *,
    placement: Placement | None = None,
    progress: Progress | None = None,
) -> Aggregates:
    """Counts, sums, means, deviations, extremes, first and last values, slopes, recency, frequency, gaps, shares of
    categories and of the calendar, and trends over windows, of the known events of each label row.

    Values are decoded from the streams; a number is one that was seen in its bucket. Times are exact. A row without a
    date is as of the last time in the folder.
    """
    chosen = settings or AggregateSettings()
    placed = placement or place_labels(folder, labels)
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    dates = _dates(folder, labels)
    windows = _windows(folder, placed, dates) if chosen.windows is None else chosen.windows
    plan = FeaturePlan(tokenizer, windows, chosen.top)
    values: NDArray[np.float32] | None = None
    names: list[str] = []
    done = 0
    # the features depend on the schema and the vocabulary alone, so that all parts have the same columns
    for rows, wanted, histories in _parts(folder, placed):
        # (histories,) those that labels name, -1 first if there are unknown ones; (labels,) the place of each
        numbers, of = np.unique(histories, return_inverse=True)
        # rows of unknown entities have the features of no events
        known = numbers[numbers >= 0]
        local = np.where(histories >= 0, of - (len(numbers) - len(known)), -1)
        # several label rows may name one history, which is decoded once
        events = DecodedEvents(tokenizer, rows, known)
        # (labels,) without a history, 0 events from any place on
        low = events.offsets[np.maximum(local, 0)]
        ranges = Ranges(low, low + placed.events[wanted], dates[wanted])
        blocks = [*event_blocks(plan, events, ranges), *static_blocks(plan, events, local, ranges)]
        names = [name for titles, _ in blocks for name in titles]
        if values is None:
            values = np.empty((len(labels), len(names)), np.float32)
        _write(values, wanted, blocks)
        done += len(wanted)
        if progress is not None:
            progress("aggregating", done, len(labels))
    found = np.empty((len(labels), 0), np.float32) if values is None else values
    return Aggregates(tuple(names), found, windows)


def _write(values: NDArray[np.float32], rows: NDArray[np.int64], blocks: list[Block]) -> None:
    column = 0
    for _, block in blocks:
        values[rows, column : column + block.shape[1]] = block
        column += block.shape[1]


def _parts(folder: EncodedFolder, placed: Placement) -> list[tuple[ShardRows, NDArray[np.int64], NDArray[np.int64]]]:
    """(rows of a shard, label rows, the history of each among those rows, -1 for unknown entities)."""
    parts = list(placed.parts(folder, TOKENS))
    unknown = placed.unknown
    # any shard serves for unknown entities, since no history of it is read
    some = next((rows for rows in folder.streams() if rows.table.num_rows), None)
    if len(unknown) and some is not None:
        parts.append((some, unknown, np.full(len(unknown), -1)))
    return parts


def _dates(folder: EncodedFolder, labels: LabelTable) -> NDArray[np.float64]:
    """(rows,) seconds since the epoch; NaN in streams without times."""
    latest = None
    for rows in folder.streams():
        if rows.times is not None and len(rows.times):
            latest = max(int(rows.times.max()), latest or NO_TIME)
    if latest is None:
        return np.full(len(labels), np.nan)
    return np.where(labels.times == END, latest, labels.times) / SECOND


def _windows(folder: EncodedFolder, placed: Placement, dates: NDArray[np.float64]) -> tuple[int, ...]:
    """The longest windows that are shorter than the histories of a tenth of the training rows."""
    spans = []
    for rows in folder.streams():
        if rows.times is None:
            return ()
        wanted = placed.of(rows)
        wanted = wanted[(placed.splits[wanted] == 0) & (placed.events[wanted] > 0)]
        first = rows.times[rows.event_offsets[placed.histories[wanted] - rows.number]]
        spans.append((dates[wanted] - first / SECOND)[first != NO_TIME])
    # (training rows with events,) seconds from the first event to the date
    whole = np.concatenate(spans) if spans else np.zeros(0)
    limit = float(np.quantile(whole, 0.9)) if len(whole) else 0.0
    return tuple([window for window in WINDOWS if window < limit][-CHOSEN:])
