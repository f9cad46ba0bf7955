"""Compare rows with the streams that they were encoded to, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.jobs.histories.event_limits import encode_left_out
from domaintoolkit.jobs.histories.histories import find_keys
from domaintoolkit.jobs.partition.origin import drop_origins
from domaintoolkit.schema import Categorical, Schema, Text
from domaintoolkit.streams import Counts, Streams
from domaintoolkit.streams.keys import SPLITS, hash_keys, split_of
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.arrow import to_plain
from domaintoolkit.util.ragged import offsets_of, positions
from domaintoolkit.values.value_names import write_names

__all__ = ["Comparison", "FieldReport", "PartReport"]

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FieldReport:
    """Counts of the values of one column that come back from decoding, exactly or not."""

    kind: str
    """The encoder, or `label` for a column that is only carried."""
    lossless: bool
    """True if every value has to come back exactly."""
    values: int = 0
    exact: int = 0
    same_tokens: int = 0
    """Not the value itself, but one with the same tokens: of its bucket, or at an instant that agrees with them."""
    wrong: int = 0

    def __add__(self, other: FieldReport) -> FieldReport:
        """Both together."""
        sums = {
            name: getattr(self, name) + getattr(other, name) for name in ("values", "exact", "same_tokens", "wrong")
        }
        return replace(self, **sums)


@dataclass(frozen=True, slots=True)
class PartReport:
    """The result of comparing some rows with their streams."""

    fields: dict[str, FieldReport]
    counts: Counts = field(default_factory=Counts)
    streams: int = 0
    events: int = 0
    tokens: int = 0
    rows_refused: int = 0
    absent: int = 0
    """Entities of the rows without a stream in the folder."""
    unknown: int = 0
    """Streams of the folder without an entity in the rows."""
    other_ids: int = 0
    """Streams that differ from the encoding of their rows."""
    other_times: int = 0
    other_splits: int = 0
    not_repeated: int = 0
    """Streams that differ from the encoding of their own decoded rows."""
    left_out: int = 0
    """Entities that `min_events` leaves out, and the folder keeps in files next to its shards."""
    expanded: int = 0
    """Streams that were segmented into composites and expanded again, in two ways."""
    not_expanded: int = 0
    """Those that did not come back."""

    @classmethod
    def empty(cls, schema: Schema) -> PartReport:
        """Nothing compared yet."""
        made = {}
        for spec in (*schema.static, *schema.fields):
            lossless = isinstance(spec, Text) or (isinstance(spec, Categorical) and spec.unseen == "spell")
            made[spec.name] = FieldReport(spec.type, lossless)
        return cls({**made, **{name: FieldReport("label", True) for name in schema.labels}})

    def __add__(self, other: PartReport) -> PartReport:
        """Both together."""
        merged = {name: self.fields[name] + other.fields[name] for name in self.fields}
        sums = {f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self) if f.name != "fields"}
        return PartReport(merged, **sums)

    def problems(self) -> Iterator[str]:
        """A sentence for each problem."""
        for number, words in (
            (self.absent, "entities of the files have no stream in the folder"),
            (self.unknown, "streams of the folder belong to no entity of the files"),
            (self.other_ids, "streams differ from the encoding of their rows"),
            (self.other_splits, "streams are in another split than their rows"),
            (self.other_times, "streams have times that differ from those of their rows"),
            (self.not_repeated, "streams change when their decoded rows are encoded again"),
            (self.not_expanded, "streams change when composites are put in and expanded"),
        ):
            if number:
                yield f"{number:,} {words}"
        for name, each in self.fields.items():
            if each.wrong:
                yield f"{name}: {each.wrong:,} of {each.values:,} values do not come back"


class Comparison:
    """Compares rows with streams of one tokenizer."""

    def __init__(self, tokenizer: DomainTokenizer) -> None:
        self.tokenizer, self.schema = tokenizer, tokenizer.schema
        # a stream that was cut to `max_events` may be shorter than `min_events`
        self._unbounded = tokenizer.without_limits()

    def compare(self, rows: pa.Table, stored: pa.Table, left_out: pa.Table | None = None) -> PartReport:
        """Compare all rows of some entities with the shard of their streams, and with the histories it leaves out."""
        rows = drop_origins(rows)
        own = self.tokenizer.encode(rows, on_bad_rows="quarantine")
        places = _places(own.entities, stored.select(list(self.schema.entity)))
        there = np.flatnonzero(places >= 0)
        made, kept = own.select(there), _Stored.of(stored, places[there], self.schema)
        report = replace(
            PartReport.empty(self.schema),
            counts=own.counts,
            streams=len(there),
            events=int(kept.event_counts.sum()),
            tokens=len(kept.ids),
            rows_refused=own.counts.rows_refused,
            absent=len(own) - len(there),
            other_splits=int((_splits_of(made) != kept.splits).sum()),
        )
        if left_out is not None:
            report = self._left_out(report, rows, own, left_out)
        return self._compare_streams(report, rows, made, kept) if len(there) else report

    def _left_out(self, report: PartReport, rows: pa.Table, own: Streams, stored: pa.Table) -> PartReport:
        entity = list(self.schema.entity)
        kept = own.entities.take(pa.array(np.argsort(hash_keys(own.entities), kind="stable")))
        made = encode_left_out(self._unbounded, rows, kept)
        places = _places(made.select(entity), stored.select(entity))
        found = stored.take(pa.array(places[places >= 0]))
        pairs = [
            (offsets_of(lengths), ids)
            for lengths, ids in map(_lists, (made.filter(pa.array(places >= 0))["ids"], found["ids"]))
        ]
        (mine, ids), (theirs, others) = pairs
        wrong = int((~_same_lists(ids, mine, others, theirs)).sum())
        absent = report.absent + int((places < 0).sum())
        return replace(report, left_out=len(found), absent=absent, other_ids=report.other_ids + wrong)

    def _compare_streams(self, report: PartReport, rows: pa.Table, made: Streams, kept: _Stored) -> PartReport:
        same_ids = _same_lists(made.ids, made.offsets, kept.ids, kept.offsets)
        decoded = self.tokenizer.decode(kept.ids, kept.offsets, made.entities)
        again = self._unbounded.encode(decoded)
        # encoding may put the entities in another order
        again = again.select(_places(made.entities, again.entities))
        repeated = _same_lists(again.ids, again.offsets, kept.ids, kept.offsets)
        other_ids = report.other_ids + int((~same_ids).sum())
        report = replace(report, other_ids=other_ids, not_repeated=int((~repeated).sum()))
        expanded, not_expanded = _expand_composites(made)
        report = replace(report, expanded=expanded, not_expanded=not_expanded)
        if made.times is not None and kept.times is not None:
            same = _same_lists(made.times, made.event_offsets, kept.times, offsets_of(kept.event_counts))
            report = replace(report, other_times=int((~same).sum()))
        if not np.array_equal(np.diff(made.event_offsets), kept.event_counts):
            return report
        assert made.rows is not None
        mine = rows.take(pa.array(made.rows))
        # (events,): a value that is not lossless may differ if its tokens are those of its row, and come again
        agree = np.repeat(same_ids & repeated, kept.event_counts)
        columns = {name: decoded[name] for name, each in report.fields.items() if each.kind != "label"} | kept.labels
        found = {name: _field(each, mine, columns, name, agree) for name, each in report.fields.items()}
        return replace(report, fields=found)


@dataclass(frozen=True, slots=True)
class _Stored:
    """Rows of a shard in the order wanted."""

    ids: NDArray[Any]
    offsets: NDArray[np.int64]
    event_counts: NDArray[np.int64]
    times: NDArray[np.int64] | None
    labels: dict[str, pa.Array]
    splits: NDArray[np.uint8]

    @classmethod
    def of(cls, stored: pa.Table, rows: NDArray[np.int64], schema: Schema) -> _Stored:
        chosen = stored.take(pa.array(rows)).combine_chunks()
        lengths, ids = _lists(chosen["ids"])
        counts, _ = _lists(chosen["event_starts"])
        times = _lists(chosen["times"])[1] if "times" in chosen.column_names else None
        labels = {}
        if "labels" in chosen.column_names:
            structs = to_plain(chosen["labels"])
            labels = {name: pc.list_flatten(structs.field(name)) for name in schema.labels}
        splits = pc.index_in(chosen["split"], value_set=pa.array(SPLITS)).to_numpy().astype(np.uint8)
        return cls(ids, offsets_of(lengths), counts, times, labels, splits)


def _splits_of(streams: Streams) -> NDArray[np.uint8]:
    return split_of(hash_keys(streams.entities)) if streams.splits is None else streams.splits


def _expand_composites(made: Streams) -> tuple[int, int]:
    """(The number of streams that are segmented in two ways and expanded again, the number that do not come back.)"""
    segmenter = made.segmenter
    if segmenter is None or not segmenter.model.decodable:
        return 0, 0
    same = np.ones(len(made), bool)
    for composed in (made.composites("greedy"), made.composites("spr")):
        back = segmenter.expand(composed.ids, composed.offsets)
        same &= _same_lists(back.ids, back.offsets, made.ids, made.offsets)
    return len(made), int((~same).sum())


def _lists(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[Any]]:
    array = to_plain(column)
    return pc.list_value_length(array).to_numpy().astype(np.int64), pc.list_flatten(array).to_numpy()


def _places(wanted: pa.Table, keys: pa.Table) -> NDArray[np.int64]:
    """(wanted,): the row of `keys` with the same key, or -1."""
    order = np.argsort(hash_keys(keys), kind="stable")
    at = find_keys(wanted, keys.take(pa.array(order)))
    return np.where(at >= 0, np.append(order, -1)[at], -1)


def _same_lists(a: NDArray[Any], a_offsets: Any, b: NDArray[Any], b_offsets: Any) -> Flags:
    """True for each list that is the same in both."""
    lengths, others = np.diff(a_offsets), np.diff(b_offsets)
    same: Flags = lengths == others
    # the values of all lists of equal length, one list after another on both sides
    rows = np.flatnonzero(same)
    first = a[positions(np.asarray(a_offsets[:-1])[rows], lengths[rows])]
    second = b[positions(np.asarray(b_offsets[:-1])[rows], lengths[rows])]
    # the list of each value that differs
    wrong = np.repeat(rows, lengths[rows])[first != second]
    same[wrong] = False
    return same


def _field(
    report: FieldReport, mine: pa.Table, columns: dict[str, Any], name: str, agree: Flags
) -> FieldReport:  # fmt: skip
    if name not in mine.column_names or name not in columns:
        return report
    exact = _equal(to_plain(mine[name]), to_plain(columns[name]))
    # (rows,) an encoder that loses something is right if the tokens agree
    tolerated = np.zeros(len(exact), bool) if report.lossless else agree & ~exact
    found = FieldReport(report.kind, report.lossless, len(exact), int(exact.sum()), int(tolerated.sum()))
    return replace(found, wrong=int((~exact & ~tolerated).sum()))


def _equal(own: pa.Array, back: pa.Array) -> Flags:
    """True for each row with the same value in both; a null equals only a null, and NaN equals NaN."""
    # two columns without a value
    if pa.types.is_null(own.type) and pa.types.is_null(back.type):
        return np.ones(len(own), np.bool_)
    if own.type != back.type:
        try:
            own = own.cast(back.type)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            # types that do not cast are compared by the one text that each value has
            own, back = write_names(own), write_names(back)
    same = pc.fill_null(pc.equal(own, back), False)
    if pa.types.is_floating(own.type):
        same = pc.or_(same, pc.fill_null(pc.and_(pc.is_nan(own), pc.is_nan(back)), False))
    nulls = pc.and_(own.is_null(), back.is_null())
    flags: Flags = pc.or_(same, nulls).to_numpy(zero_copy_only=False)
    return flags
