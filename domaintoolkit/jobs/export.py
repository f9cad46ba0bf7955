"""`export`: the streams of an encoded folder, with composites if wanted, in one file for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.composite import Arrays
from domaintoolkit.errors import LookupFailedError, NotFittedError
from domaintoolkit.jobs.decoding import cut_streams, folder_tokenizer
from domaintoolkit.jobs.progress import Progress
from domaintoolkit.jobs.table_writing import write_rows
from domaintoolkit.storage import EncodedFolder, ShardRows, open_encoded
from domaintoolkit.streams.keys import hash_keys
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["Segmentation", "count_segmented", "export_streams"]

Segmentation = Literal["base", "greedy", "spr"]
FORMATS = (".arrow", ".parquet")


@dataclass(frozen=True, slots=True)
class ShardPart:
    """Some rows of a shard, and their streams in base ids."""

    rows: NDArray[np.int64]
    """Numbers within the batch."""
    table: pa.RecordBatch
    streams: Arrays


def count_segmented(folder: EncodedFolder, tokenizer: DomainTokenizer) -> int:
    """The number of tokens that all streams have with composites, put in greedily."""
    segmenter = tokenizer.segmenter
    if segmenter is None:
        return folder.manifest.totals["tokens"]
    return sum(len(segmenter.greedy(part.streams).ids) for part in _parts(folder, None))


def export_streams(
    folder: str | Path,
    out: str | Path,
    segmentation: Segmentation = "base",
    *,
    seed: int = 0,
    epoch: int = 0,
    split: str | None = None,
    progress: Progress | None = None,
) -> int:
    """Write the streams of a folder to one `.arrow` or `.parquet` file; gives their number.

    The columns are those of a shard. With `greedy` or `spr`, `ids` hold composites, and `event_starts` the place of
    the token that holds the beginning of each event. Raises `NotFittedError` if there are no composites.
    """
    target = Path(out)
    if target.suffix not in FORMATS:
        raise LookupFailedError("format", target.suffix or target.name, FORMATS)
    encoded = open_encoded(folder)
    tokenizer = folder_tokenizer(encoded)
    if segmentation != "base" and tokenizer.segmenter is None:
        raise NotFittedError("the folder's tokenizer has no composites; the schema must declare some")
    tables = (_table(part, _segment(part, tokenizer, segmentation, seed, epoch)) for part in _parts(encoded, split))
    return write_rows(tables, target, progress, encoded.manifest.totals["entities"], "exporting")


def _parts(folder: EncodedFolder, split: str | None) -> Iterator[ShardPart]:
    """All rows, some at a time; at least one part, even if it is empty."""
    for rows in folder.streams(split):
        lengths = np.diff(rows.offsets)[rows.selected].astype(np.int64)
        for start, end in cut_streams(offsets_of(lengths)):
            chosen = rows.selected[start:end]
            yield ShardPart(chosen, rows.table, _arrays(rows, chosen))


def _arrays(rows: ShardRows, chosen: NDArray[np.int64]) -> Arrays:
    """The streams of the `chosen` rows, which need not lie together."""
    # (streams,): the tokens and events of each
    lengths = np.diff(rows.offsets)[chosen].astype(np.int64)
    counts = np.diff(rows.event_offsets)[chosen].astype(np.int64)
    offsets = offsets_of(lengths)
    # (events,): where each begins in its own stream, and (tokens,)
    within = rows.event_starts[positions(rows.event_offsets[:-1][chosen].astype(np.int64), counts)]
    ids = rows.ids[positions(rows.offsets[:-1][chosen].astype(np.int64), lengths)]
    starts = within.astype(np.int64) + np.repeat(offsets[:-1], counts)
    return Arrays(ids, offsets, starts, offsets_of(counts))


def _segment(part: ShardPart, tokenizer: DomainTokenizer, segmentation: Segmentation, seed: int, epoch: int) -> Arrays:
    segmenter = tokenizer.segmenter
    if segmentation == "base" or segmenter is None:
        return part.streams
    if segmentation == "greedy":
        return segmenter.greedy(part.streams)
    keys = part.table.select(list(tokenizer.schema.entity)).take(pa.array(part.rows))
    return segmenter.spr(part.streams, seed=seed, epoch=epoch, keys=hash_keys(keys))


def _table(part: ShardPart, made: Arrays) -> pa.Table:
    table = pa.Table.from_batches([part.table]).take(pa.array(part.rows))
    # (events,): the beginning of each one's stream, since a shard counts event starts from there
    first = np.repeat(made.offsets[:-1], np.diff(made.event_offsets))
    columns = {"ids": (made.offsets, made.ids), "event_starts": (made.event_offsets, made.event_starts - first)}
    for name, (offsets, values) in columns.items():
        kind = values.dtype if name == "ids" else np.int32
        lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values.astype(kind)))
        table = table.set_column(table.schema.get_field_index(name), name, lists)
    return table
