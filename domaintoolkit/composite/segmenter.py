"""Segmentation: base streams to streams with composites, and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.composite.seeds import history_seeds
from domaintoolkit.composite.stream_arrays import Arrays, Ints, StreamArrays, event_bounds, plain
from domaintoolkit.composite.tables import count_ids, find_leads, make_base, make_pieces, make_rules
from domaintoolkit.errors import DecodeError
from domaintoolkit.grammar import Grammar, check_ids, index_events
from domaintoolkit.util.ragged import offsets_of, run_offsets
from domaintoolkit.util.threads import make_workers

__all__ = ["Segmenter"]

BLOCK = 2048
"""Events that a thread takes at a time. Results do not depend on it."""

REASONS = {
    1: "an event ends before it has all of its parts",
    2: "an event has a part twice",
    3: "an event begins with a token that does not begin a part",
    4: "a token that is not allowed here",
}

Kernel = Callable[[Any, slice], tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]]


class Segmenter:
    """A model and a grammar, with the tables that segmentation looks up built once.

    Base streams come in and segmented streams go out, as `Arrays`; `expand` is the way back. Results depend on
    neither `threads` nor on how histories are divided between calls.
    """

    def __init__(self, model: CompositeModel, grammar: Grammar, *, threads: int | None = None) -> None:
        self.model, self.grammar = model, grammar
        self.threads = threads or os.cpu_count() or 1
        self.size = count_ids(model, grammar)

    def __repr__(self) -> str:
        return f"<Segmenter of {len(self.model):,} composites>"

    def arrays(self, ids: Ints, offsets: NDArray[np.int64]) -> Arrays:
        """Base streams of which only the ids are known."""
        events = index_events(ids, offsets, self.grammar)
        return Arrays(ids, np.asarray(offsets, np.int64), events.starts, events.offsets)

    def greedy(self, streams: StreamArrays) -> Arrays:
        """Streams in which the heaviest merge that applies is made until none does. Deterministic."""
        from domaintoolkit.composite.kernels.compilation import loop
        from domaintoolkit.composite.kernels.greedy import segment_greedy

        rules, span = self._by_weight, self.model.spans(self.size)

        def kernel(block: Any, _: slice) -> Any:
            return loop(segment_greedy)(block, self._base, rules, span, self._leads, self._flags)

        return self._segment(streams, kernel)

    def spr(self, streams: StreamArrays, *, seed: int, epoch: int = 0, keys: Ints | None = None) -> Arrays:
        """Streams by set permutation regularisation: shuffle each set, then BPE by rank.

        The permutations of a history depend on `seed`, `epoch` and its key alone; `keys` are one integer a
        history, by default its position.
        """
        from domaintoolkit.composite.kernels.compilation import loop
        from domaintoolkit.composite.kernels.spr import segment_spr

        keys = np.arange(len(streams.offsets) - 1) if keys is None else keys
        rules, states = self._by_rank, history_seeds(seed, epoch, keys)

        def kernel(block: Any, part: slice) -> Any:
            return loop(segment_spr)(block, self._base, rules, self._leads, self._flags, states[part])

        return self._segment(streams, kernel)

    def expand(self, ids: Ints, offsets: NDArray[np.int64]) -> Arrays:
        """The base streams of segmented ones, from their ids alone, event by event.

        Base streams come back unchanged. Raises `DecodeError` for ids that are not streams of this model,
        or if it is undirected and joins events.
        """
        from domaintoolkit.composite.kernels.compilation import loop
        from domaintoolkit.composite.kernels.expansion import expand

        if not self.model.decodable:
            raise DecodeError(
                "streams of an undirected model that joins events do not say which event a part belongs to"
            )
        ids, offsets = np.asarray(ids), plain(offsets, np.int64)
        check_ids(ids, offsets, self.size)
        pieces, lengths = self._pieces
        # (streams + 1,) where each stream begins once expanded: an id always stands for the same base tokens
        ends = offsets_of(lengths[ids])[offsets]
        # of one type, so that the loop is compiled once
        narrow = plain(ids, np.int32)
        found, starts, events, error, stream, position = loop(expand)(
            narrow, offsets, np.diff(ends), self._base, pieces
        )
        if error:
            raise DecodeError(REASONS[error], stream, position)
        event_offsets = offsets_of(events)
        return Arrays(found.astype(ids.dtype, copy=False), ends - ends[:1], starts, event_offsets)

    @cached_property
    def _base(self) -> Any:
        return make_base(self.model, self.grammar)

    @cached_property
    def _leads(self) -> NDArray[np.int32]:
        return find_leads(self.model, self.grammar)

    @cached_property
    def _by_weight(self) -> Any:
        # stable: of two equal weights the earlier merge comes first
        order = np.argsort(-self.model.weights, kind="stable")
        return make_rules(self.model, order, self._leads >= self.grammar.event_parts)

    @cached_property
    def _by_rank(self) -> Any:
        return make_rules(self.model, np.arange(len(self.model)), self._leads >= self.grammar.event_parts)

    @cached_property
    def _pieces(self) -> tuple[Any, NDArray[np.int64]]:
        return make_pieces(self.model, self.grammar)

    @property
    def _flags(self) -> int:
        return (1 if self.model.directed else 0) | (2 if self.model.across_events else 0)

    def _segment(self, streams: StreamArrays, kernel: Kernel) -> Arrays:
        """Run a kernel over blocks of whole histories, and put the results together in their order."""
        offsets, event_offsets = plain(streams.offsets, np.int64), plain(streams.event_offsets, np.int64)
        # the arrays are shared by all threads; a part is a slice of histories
        task = partial(_run, kernel, plain(streams.ids, np.int32), offsets, event_offsets)
        task = partial(task, *event_bounds(streams))
        parts = _parts(event_offsets, offsets)
        with make_workers(min(self.threads, len(parts))) as workers:
            results = list(workers.map_in_order(task, parts))
        # the ids of composites may not fit into the type of base ids
        dtype = streams.ids.dtype if self.size <= np.iinfo(streams.ids.dtype).max + 1 else np.dtype(np.uint32)
        return _concat(results, dtype, event_offsets)


def _run(
    kernel: Kernel,
    ids: NDArray[np.int32],
    offsets: NDArray[np.int64],
    event_offsets: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    part: slice,
) -> Any:
    from domaintoolkit.composite.kernels.block import Block

    low, high = event_offsets[part.start], event_offsets[part.stop]
    # (histories + 1,) events, counted from the first history of the part
    counts = event_offsets[part.start : part.stop + 1] - low
    block = Block(ids, offsets[part.start : part.stop + 1], begins[low:high], ends[low:high], counts)
    return kernel(block, part)


def _parts(event_offsets: NDArray[np.int64], offsets: NDArray[np.int64]) -> list[slice]:
    """Histories in parts of about `BLOCK` events, or eight times as many tokens."""
    # (histories,) rises each time that a block is full of events or of tokens; a part begins at each rise
    done = event_offsets[:-1] // BLOCK + offsets[:-1] // (8 * BLOCK)
    return [slice(low, high) for low, high in pairwise(run_offsets(done).tolist())]


def _concat(results: list[Any], dtype: np.dtype[Any], event_offsets: NDArray[np.int64]) -> Arrays:
    # (parts + 1,) tokens before each part: a part counts its own positions from 0
    before = np.cumsum([0, *(len(ids) for ids, _, _ in results)])
    ids = [ids.astype(dtype) for ids, _, _ in results]
    # not strict: `before` has one number more, that of all tokens
    offsets = [at[1:] + base for (_, at, _), base in zip(results, before, strict=False)]
    starts = [at + base for (_, _, at), base in zip(results, before, strict=False)]
    zero = np.zeros(1, np.int64)
    return Arrays(
        np.concatenate([np.zeros(0, dtype), *ids]),
        np.concatenate([zero, *offsets]),
        np.concatenate([zero[:0], *starts]),
        event_offsets - event_offsets[0],
    )
