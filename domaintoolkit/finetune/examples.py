"""Label rows as batches, and the vectors of the histories that they know, with a gradient."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from domaintoolkit.labels import LabelTable, Placement
from domaintoolkit.model import EventModel, Pooling, TokenModel, pool_windows
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.times.zones import YEARS_BEGIN
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import offsets_of, run_offsets
from domaintoolkit.windows.packing import StoredHistories
from domaintoolkit.windows.prefixes import Prefixes, PrefixWindows, ReadingRule, bare_headers, prefix_windows
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["Examples", "deal_batches"]

Longs = NDArray[np.int64]
Model = TokenModel | EventModel
END = int(np.iinfo(np.int64).max)


class Examples:
    """The rows of a label table and the histories of an encoded folder, which stay in their files."""

    def __init__(self, model: Model, folder: EncodedFolder, labels: LabelTable, placed: Placement) -> None:
        self.model, self.placed = model, placed
        tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
        model.check_vocabulary(tokenizer.vocabulary)
        self.rule = window_rule(tokenizer)
        self.segmenter = tokenizer.segmenter if model.config.composites else None
        # the date of the anchor of a history without events
        self.times = np.where(labels.times == END, YEARS_BEGIN, labels.times)
        self.shards = [StoredHistories.of_shard(rows) for rows in folder.streams()]

    def pool(self, rows: Longs, pooling: Pooling, window: int | None) -> Tensor:
        """(n, vector) of label rows, whose entities are all known, in their order."""
        capacity, alone = window or self.model.config.block, self.segmenter is not None
        reading = ReadingRule(self.rule, capacity, "events" if isinstance(self.model, EventModel) else "tokens", alone)
        numbers = np.array([shard.number for shard in self.shards])  # (shards,) rising
        histories = self.placed.histories[rows]
        owner = np.searchsorted(numbers, histories, "right") - 1  # (n,) the shard of each row
        pieces: list[PrefixWindows] = []
        order: list[Longs] = []
        for shard in np.unique(owner).tolist():
            stored, mine = self.shards[shard], np.flatnonzero(owner == shard)
            # a history that has no event yet is read as a header with the anchor of its own date
            for has_events in (True, False):
                some = mine[(self.placed.events[rows[mine]] > 0) == has_events]
                if not len(some):
                    continue
                prefixes = Prefixes(
                    histories[some] - stored.number, self.placed.events[rows[some]], self.times[rows[some]]
                )
                if has_events:
                    pieces.append(prefix_windows(stored, prefixes, reading))
                else:
                    ids, offsets = bare_headers(stored, prefixes, self.rule)
                    none = np.zeros(len(some), np.int64)
                    # each header is a window of its own, and its last token the end of the prefix
                    pieces.append(PrefixWindows(ids, offsets, none, np.arange(len(some)), np.diff(offsets) - 1, none))
                order.append(some)
        windows = _concatenate(pieces)
        queries, vectors = pool_windows(self.model, windows, np.arange(len(windows.events)), pooling, self.segmenter)
        # from the order of the windows to that of the rows
        back = np.empty(len(rows), np.int64)
        back[np.concatenate(order)[queries]] = np.arange(len(rows))
        return vectors[back]


def _concatenate(pieces: list[PrefixWindows]) -> PrefixWindows:
    # (pieces + 1,) windows before each piece, whose windows are numbered from 0
    before = offsets_of(np.array([len(piece.events) for piece in pieces]))
    return PrefixWindows(
        ids=np.concatenate([piece.ids for piece in pieces]),
        offsets=offsets_of(np.concatenate([np.diff(piece.offsets) for piece in pieces])),
        events=np.concatenate([piece.events for piece in pieces]),
        window=np.concatenate([piece.window + shift for piece, shift in zip(pieces, before[:-1], strict=True)]),
        last=np.concatenate([piece.last for piece in pieces]),
        known=np.concatenate([piece.known for piece in pieces]),
    )


def deal_batches(rows: Longs, together: Longs, batch: int, seed: tuple[int, int]) -> Iterator[Longs]:
    """The rows in batches of about `batch`, in a seeded order; rows of one value of `together` (n,) stay together, as
    far as a batch holds them."""
    generator = np.random.default_rng(seed)
    _, codes = np.unique(together, return_inverse=True)
    rank = generator.permutation(int(codes.max(initial=-1)) + 1)
    mixed = generator.permutation(len(rows))
    # groups in a random order, and within each its rows in a random order
    order = mixed[np.argsort(rank[codes[mixed]], kind="stable")]
    dealt = rows[order]
    # a group that would end beyond its batch begins the next one, unless it is longer than a batch
    sizes = np.diff(run_offsets(codes[order]))
    start = filled = 0
    for size in sizes.tolist():
        if filled and filled + size > batch:
            yield dealt[start : start + filled]
            start, filled = start + filled, 0
        while size > batch:
            yield dealt[start : start + batch]
            start, size = start + batch, size - batch
        filled += size
    if filled:
        yield dealt[start : start + filled]
