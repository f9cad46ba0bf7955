"""The job: read the folder and the new rows, count both by groups of tokens, and judge each part."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.jobs.drift.comparison import (
    REPLICATES,
    PartComparison,
    Verdict,
    compare_groups,
    worst_verdict,
)
from domaintoolkit.jobs.drift.groups import PartGroups, TokenGroups, group_tokens
from domaintoolkit.jobs.drift.new_values import NewValue, NewValues
from domaintoolkit.jobs.partition.budget import BUCKETS, Budget
from domaintoolkit.jobs.partition.entity_keys import EntityKeys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.jobs.partition.row_refusals import RefusalList, describe_refusals, raise_refusals
from domaintoolkit.jobs.partition.row_source import AnyTable, RowSource, open_rows
from domaintoolkit.jobs.partition.spill import Spill, partition
from domaintoolkit.jobs.progress import Progress, silent
from domaintoolkit.storage.encoded_folder import EncodedFolder, open_encoded
from domaintoolkit.streams.streams import Counts
from domaintoolkit.times.calendar import DAY, HOUR
from domaintoolkit.times.zones import NO_TIME
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import Ragged
from domaintoolkit.util.temporary import temporary_folder

__all__ = ["Drift", "FieldDrift", "PartDrift", "drift"]

CYCLES = {"minute": HOUR, "hour": DAY, "weekday": 7 * DAY, "day": 31 * DAY, "month": 366 * DAY}
"""The time that each calendar part takes to come round, in microseconds. Years never do."""
FEWEST_CYCLES = 4
"""Fewer cycles than these do not show how events are spread over a calendar part."""
LONGEST_DELTA = 10
"""Deltas up to a tenth of the time that the shorter data covers are compared: longer ones hardly fit into it."""
HELD_OUT = 100
"""With so many entities outside the training split, new rows are compared with those alone."""
REASONS = 5
"""Refused rows that an error shows."""
NEW_VALUES = 10


@dataclass(frozen=True, slots=True)
class PartDrift(PartComparison):
    """One part of a field, such as the weekday of a time."""

    part: str


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field: shares of its new values, the same shares of the encoded ones, and each of its parts."""

    field: str
    unseen: float
    clipped: float
    missing: float
    encoded_unseen: float
    encoded_clipped: float
    encoded_missing: float
    new_values: tuple[NewValue, ...]
    """The most frequent values without a token of their own, of a categorical field of events."""
    parts: tuple[PartDrift, ...]
    verdict: Verdict
    """The worst of the parts."""


@dataclass(frozen=True, slots=True)
class Drift:
    """All fields, and the worst verdict among them."""

    fields: tuple[FieldDrift, ...]
    events: int
    """New events that were compared."""
    entities: int
    """The histories that they belong to."""
    refused: int
    """New rows that could not be encoded."""
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """The result as plain data."""
        return asdict(self)


@dataclass(slots=True)
class _Sample:
    """One side of the comparison."""

    groups: NDArray[np.int64]
    """(replicates, groups): tokens."""
    entities: int = 0
    events: int = 0
    first: int | None = None
    last: int | None = None
    """The first and the last instant; None without a time column."""

    @classmethod
    def empty(cls, groups: TokenGroups) -> _Sample:
        """A sample without events."""
        return cls(np.zeros((REPLICATES, len(groups.labels)), np.int64))

    @property
    def span(self) -> int:
        """The time that the events cover, in microseconds."""
        return 0 if self.first is None or self.last is None else self.last - self.first

    def add(
        self,
        groups: TokenGroups,
        ids: NDArray[np.integer[Any]],
        offsets: NDArray[np.integer[Any]],
        events: int,
        times: NDArray[np.int64] | None,
    ) -> None:
        """Take further histories: those of `offsets` in `ids`, with their `events` and the instants of these."""
        histories = len(offsets) - 1
        # (tokens,): the number of each one's history, over all that were added
        numbers = np.repeat(np.arange(self.entities, self.entities + histories), np.diff(offsets))
        self.groups += groups.count(ids[int(offsets[0]) : int(offsets[-1])], numbers, REPLICATES)
        self.entities += histories
        self.events += events
        times = None if times is None else times[times != NO_TIME]
        if times is not None and len(times):
            low, high = int(times.min()), int(times.max())
            self.first = low if self.first is None else min(low, self.first)
            self.last = high if self.last is None else max(high, self.last)


def drift(
    out: str | Path,
    source: RowSource | AnyTable,
    *,
    memory: str | int = "2GB",
    threads: int | None = None,
    temporary: str | Path | None = None,
    progress: Progress | None = None,
) -> Drift:
    """Compare the rows of `source` with those in the encoded folder `out`; rows that cannot be encoded are counted.

    Raises `DataError` if there are no rows, or if none can be encoded.
    """
    encoded = open_encoded(out)
    tokenizer = folder_tokenizer(encoded)
    budget = Budget.of(memory, threads)
    groups, before = _count_encoded(encoded, tokenizer)
    unreadable, unfit = RefusalList(REASONS), RefusalList(REASONS)
    with temporary_folder(temporary) as folder:
        spill = Spill(folder, EntityKeys.of(tokenizer), BUCKETS, budget)
        opened = open_rows(source, tokenizer.schema)
        rows = partition(opened, tokenizer.schema, spill, progress or silent, refused=unreadable)
        new = _Sample.empty(groups)
        values, counts = NewValues(tokenizer), Counts()
        # as many rows at a time as the memory holds; all events of an entity are in one bucket
        for low, high in rows.buckets.ranges(0, rows.buckets.count, budget.unit_rows):
            table = rows.buckets.read(low, high)
            if table is not None:
                prepared = tokenizer.prepare_rows(drop_origins(table), "quarantine", tokenizer.types, grouped=True)
                streams = tokenizer.encode_prepared(prepared, "quarantine")
                values.add(prepared.values)
                new.add(groups, streams.ids, streams.offsets, streams.events, streams.times)
                unfit.add(describe_refusals(table, streams.refused[:REASONS], rows.sources))
                counts += streams.counts
    if not new.events:
        raise_refusals([*unreadable, *unfit], rows.sources, unreadable.problems + counts.rows_refused)
        raise DataError([Refusal(None, None, "there are no rows to compare")])
    # shares are of entities for static fields, and of events for others
    known, totals = Counts(**encoded.manifest.counts), encoded.manifest.totals
    shares = {
        spec.name: (
            _shares(known, spec.name, totals["entities" if spec in tokenizer.schema.static else "events"]),
            _shares(counts, spec.name, new.entities if spec in tokenizer.schema.static else new.events),
        )
        for spec in (*tokenizer.schema.static, *tokenizer.schema.fields)
    }
    fields = tuple(
        _judge_field(name, groups, (before, new), found, values.most_common(name, NEW_VALUES))
        for name, found in shares.items()
    )
    refused = counts.rows_refused + unreadable.rows
    return Drift(fields, new.events, new.entities, refused, worst_verdict([field.verdict for field in fields]))


def _count_encoded(encoded: EncodedFolder, tokenizer: DomainTokenizer) -> tuple[TokenGroups, _Sample]:
    """Groups by the tokens of the folder, and its sample: the shards are read once for each.

    The sample is that of the entities outside the training split if there are enough: values of the entities that a
    tokenizer was fitted on are never new to it, and those of others often are, without any change in the data.
    """
    counts = np.zeros(len(tokenizer.vocabulary), np.int64)
    # once for the tokens, from which the groups are made, and once for the groups
    for rows in encoded.streams():
        counts += np.bincount(rows.ids, minlength=len(counts))
    groups = group_tokens(tokenizer, counts)
    held_out = sum(number["entities"] for split, number in encoded.manifest.splits.items() if split != "train")
    sample = _Sample.empty(groups)
    for rows in encoded.streams():
        # (streams,) those that are in the sample
        streams = np.arange(len(rows.offsets) - 1)
        if held_out >= HELD_OUT:
            streams = np.flatnonzero(pc.not_equal(rows.table["split"], "train").to_numpy(zero_copy_only=False))
        own = Ragged(rows.ids, rows.offsets.astype(np.int64)).take(streams)
        events = np.diff(rows.event_offsets)[streams]
        places = rows.event_offsets.astype(np.int64)
        times = None if rows.times is None else Ragged(rows.times, places).take(streams).values
        sample.add(groups, own.values, own.offsets, int(events.sum()), times)
    return groups, sample


def _judge_field(
    name: str,
    groups: TokenGroups,
    samples: tuple[_Sample, _Sample],
    shares: tuple[tuple[float, float, float], tuple[float, float, float]],
    values: tuple[NewValue, ...],
) -> FieldDrift:
    """One field; `samples` and `shares` are those of the folder, and the new ones."""
    parts = tuple(_judge_part(part, groups, samples) for part in groups.parts if part.field == name)
    before, new = shares
    return FieldDrift(name, *new, *before, values, parts, worst_verdict([part.verdict for part in parts]))


def _judge_part(part: PartGroups, groups: TokenGroups, samples: tuple[_Sample, _Sample]) -> PartDrift:
    span = min(sample.span for sample in samples)
    # a part of the calendar without a cycle, such as the year, is never long enough
    if part.calendar is not None and span < FEWEST_CYCLES * CYCLES.get(part.calendar, 1 << 62):
        return PartDrift(0.0, 1.0, "calendar", (), part.part)
    kept = np.arange(part.first, part.end)
    if part.deltas is not None:
        kept = kept[np.array(part.deltas) <= span / LONGEST_DELTA]
    labels = tuple(groups.labels[group] for group in kept)
    before, new = (sample.groups[:, kept] for sample in samples)  # (replicates, groups of the part)
    entities = (samples[0].entities, samples[1].entities)
    found = compare_groups(before, new, labels, entities, len(groups.parts))
    return PartDrift(found.index, found.p_value, found.verdict, found.changes, part.part)


def _shares(counts: Counts, name: str, values: int) -> tuple[float, float, float]:
    """Shares of unseen, clipped and missing values."""
    field = counts.fields.get(name, {})
    numbers = (field.get("spelled", 0) + field.get("hashed", 0), field.get("clipped", 0), field.get("missing", 0))
    unseen, clipped, missing = (number / max(values, 1) for number in numbers)
    return unseen, clipped, missing
