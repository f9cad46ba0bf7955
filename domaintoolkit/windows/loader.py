"""Batches of blocks in a seeded order, each block once an epoch, from any position."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, Refusal
from domaintoolkit.util.ragged import offsets_of
from domaintoolkit.windows.packing import Blocks, Unit, WindowRule, Windows, concatenate, pack_blocks, refit
from domaintoolkit.windows.shard_histories import HistorySource
from domaintoolkit.windows.shuffle import derive, shuffle_places

__all__ = ["Loader", "Segment", "WindowBatch"]

Segment = Callable[[Windows, int], Windows]
"""Base windows and the number of the epoch to windows with composites, which are never longer."""

GROUP = 8
"""Chunks whose blocks are shuffled together. Shards are ranges of a hash, so a chunk is a random sample already."""


@dataclass(frozen=True, slots=True)
class WindowBatch:
    """Windows of some blocks, in `rows` rows of at most the block's size; the rows rise if nothing was segmented."""

    windows: Windows
    rows: int
    epoch: int


class Loader:
    """Packs a split and gives its blocks in batches.

    The order is two-level: chunks are shuffled, and within a group of them the blocks. Both are bijections
    computed from (seed, epoch), so it keeps one number for each chunk of a million tokens and the plan of one
    group. Epochs follow one another without a break; of `shares`, rank r takes batches r, r + shares, ...
    With `segment`, blocks are made of base events; composites are put in after, and the rows are filled up.
    With `latest`, of each history only the latest events that fit into one block are read.
    """

    def __init__(
        self,
        source: HistorySource,
        rule: WindowRule,
        block: int,
        batch: int,
        unit: Unit = "tokens",
        seed: int = 0,
        segment: Segment | None = None,
        share: tuple[int, int] = (0, 1),
        latest: bool = False,
    ) -> None:
        self.latest = latest
        self.source, self.rule, self.block, self.batch, self.unit = source, rule, block, batch, unit
        self.seed, self.segment, self.share = seed, segment, share
        sizes = [(len(plan), plan.left_out) for plan in map(self._plan, range(len(source)))]
        self._counts = np.array([blocks for blocks, _ in sizes], np.int64)  # (chunks,)
        self.left_out = sum(histories for _, histories in sizes)
        self._epoch: _Epoch | None = None
        self._group: tuple[tuple[int, int], tuple[list[Blocks], NDArray[np.int64]]] | None = None
        self.blocks = int(self._counts.sum())

    def _plan(self, chunk: int) -> Blocks:
        return pack_blocks(self.source.histories(chunk), self.rule, self.block, self.unit, self.latest)

    def batches(self, start: int = 0) -> Iterator[WindowBatch]:
        """Batches without end, from this rank's batch number `start`; a batch never mixes two epochs' seeds."""
        if not self.blocks:
            raise DataError([Refusal(None, None, f"the split {self.source.split!r} has nothing to train on")])
        rank, shares = self.share
        while True:
            first = (start * shares + rank) * self.batch
            yield self.at(np.arange(first, first + self.batch))
            start += 1

    def once(self, base: bool = False) -> Iterator[WindowBatch]:
        """This rank's part of every block, once, in the order of the shards; a batch may be smaller than `batch`.

        With `base`, in base tokens.
        """
        rank, shares = self.share
        number = 0
        for chunk in range(len(self.source)):
            plan = self._plan(chunk)
            # blocks are numbered over all chunks, and rank r takes r, r + shares, ...
            mine = np.arange((rank - number) % shares, len(plan), shares)
            for low in range(0, len(mine), self.batch):
                blocks = mine[low : low + self.batch]
                windows = plan.read(blocks, np.arange(len(blocks)))
                yield WindowBatch(windows, len(blocks), 0) if base else self._assemble([windows], len(blocks), 0)
            number += len(plan)

    def at(self, positions: NDArray[np.int64]) -> WindowBatch:
        """The batch of the blocks at rising positions of the endless order."""
        # (batch,) each: a batch may cross from one epoch into the next
        epochs, places = np.divmod(positions, self.blocks)
        parts, row = [], 0
        for epoch in np.unique(epochs).tolist():
            inside = places[epochs == epoch]
            parts += self._read(epoch, inside, row)
            row += len(inside)
        return self._assemble(parts, row, int(epochs[0]))

    def _read(self, epoch: int, places: NDArray[np.int64], row: int) -> list[Windows]:
        if self._epoch is None or self._epoch.number != epoch:
            self._epoch = _Epoch(epoch, self._counts, self.seed)
        # (places,) the group of each
        groups = np.searchsorted(self._epoch.edges, places, "right") - 1
        parts = []
        for group in np.unique(groups).tolist():
            plans, order = self._plan_group(self._epoch, group)
            blocks = order[places[groups == group] - self._epoch.edges[group]]  # (blocks of the batch in this group,)
            # (chunks,) where the blocks of each chunk of the group end
            ends = np.cumsum([len(plan) for plan in plans])
            chunks = np.searchsorted(ends, blocks, "right")
            for chunk in np.unique(chunks).tolist():
                # from numbers within the group to numbers within the chunk
                here = blocks[chunks == chunk] - ends[chunk] + len(plans[chunk])
                parts.append(plans[chunk].read(here, np.arange(row, row + len(here))))
                row += len(here)
        return parts

    def _plan_group(self, epoch: _Epoch, group: int) -> tuple[list[Blocks], NDArray[np.int64]]:
        """The plans of a group and the order of its blocks; the last is kept: the next batch is mostly of the same."""
        if self._group is None or self._group[0] != (epoch.number, group):
            plans = [self._plan(chunk) for chunk in epoch.order[group * GROUP : (group + 1) * GROUP].tolist()]
            size = sum(len(plan) for plan in plans)
            order = shuffle_places(np.arange(size), size, derive(self.seed, epoch.number, group + 1))
            self._group = (epoch.number, group), (plans, order)
        return self._group[1]

    def _assemble(self, parts: list[Windows], rows: int, epoch: int) -> WindowBatch:
        windows = concatenate(parts)
        if self.segment is None:
            return WindowBatch(windows, rows, epoch)
        # segmented windows are shorter: fewer rows may hold them
        windows, rows = refit(self.segment(windows, epoch), self.block)
        return WindowBatch(windows, rows, epoch)


class _Epoch:
    """The order of the chunks in one epoch, and where each group of them begins in it."""

    def __init__(self, number: int, counts: NDArray[np.int64], seed: int) -> None:
        chunks = len(counts)
        self.number = number
        self.order = shuffle_places(np.arange(chunks), chunks, derive(seed, number))
        # (chunks + 1,) blocks before each chunk; of these, the edges are those at which a group begins
        bounds = offsets_of(counts[self.order])
        self.edges = bounds[np.minimum(np.arange(0, chunks + GROUP, GROUP), chunks)]  # (groups + 1,)
