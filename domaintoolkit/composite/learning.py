"""Learning composites from base streams (Hou et al. 2025, arXiv 2502.13581), with exact weights."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, lcm

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.composite.interrupt import run_interruptible
from domaintoolkit.composite.stream_arrays import StreamArrays, event_bounds, plain
from domaintoolkit.composite.tables import find_allowed, fit_size
from domaintoolkit.errors import DomainToolkitError
from domaintoolkit.grammar import Grammar
from domaintoolkit.schema import Composite

__all__ = ["MemoryLimitError", "RecountError", "extend", "learn", "make_shares"]

LARGEST = 1 << 62
"""Sums of weights stay below it, and so fit into 64 bits."""


class RecountError(DomainToolkitError):
    """The tracked weights differ from a recount: an error of domaintoolkit itself."""


class MemoryLimitError(DomainToolkitError):
    """The pairs of the streams take more memory than they may. Those of the first `events` events fit."""

    def __init__(self, memory: int, events: int) -> None:
        super().__init__(f"the pairs of tokens take more than {memory:,} bytes; give more memory, or fewer streams")
        self.events = events


def learn(
    streams: StreamArrays,
    grammar: Grammar,
    spec: Composite,
    base_size: int,
    *,
    recount_every: int = 0,
    memory: int | None = None,
) -> CompositeModel:
    """Learn at most `spec.vocabulary_size` composites; their ids are `base_size` and up.

    It stops early if no pair is left or the heaviest is lighter than `spec.min_weight`. With `recount_every` the
    weights are counted again after every so many merges; raises `RecountError` if they differ. Raises
    `MemoryLimitError` if the pairs of tokens take more than about `memory` bytes.
    """
    nothing = CompositeModel(
        np.zeros((0, 4), np.int64),
        np.zeros(0),
        np.zeros(0, np.int64),
        np.zeros((0, 2), np.int64),
        None if spec.fields is None else tuple(spec.fields),
        spec.across_events,
        spec.directed,
    )
    return extend(nothing, streams, grammar, spec, base_size, recount_every=recount_every, memory=memory)


def extend(
    model: CompositeModel,
    streams: StreamArrays,
    grammar: Grammar,
    spec: Composite,
    base_size: int,
    *,
    recount_every: int = 0,
    memory: int | None = None,
) -> CompositeModel:
    """Every merge of `model`, and at most `spec.vocabulary_size` more, learned from `streams` segmented by them.

    The new ids are `base_size` and up, which must be above all ids so far.
    """
    from domaintoolkit.composite.kernels.block import join_events
    from domaintoolkit.composite.kernels.compilation import loop
    from domaintoolkit.composite.kernels.construction import RECOUNT_FAILED, TOO_LARGE, MergePlan
    from domaintoolkit.composite.kernels.construction import learn as run
    from domaintoolkit.composite.kernels.sets import Base, find_levels, split_events

    # (tokens,), and (events,) each
    ids = plain(streams.ids, np.int32)
    begins, ends = event_bounds(streams)
    place, start = plain(grammar.place, np.int16), plain(grammar.start, np.bool_)
    base = Base(place, start, find_allowed(grammar, model.fields), _levels(model, len(place)))
    loop(find_levels)(ids, begins, ends, base)
    # (tokens in sets,), (events + 1,), then (events,) each
    tokens, first, outside, opens = loop(split_events)(ids, begins, ends, base)
    joined = loop(join_events)(first, opens, plain(streams.event_offsets, np.int64), model.across_events)
    # the largest set and the number of events bound every sum of weights
    share, scale = make_shares(int(np.diff(first).max(initial=1)), len(begins))
    # (V,) the events that each token reaches over; new composites get theirs as they are made
    span = fit_size(model.spans(base_size), base_size + spec.vocabulary_size, 1)
    # an exact fraction: a float times the scale would round the least weight
    least = max(1, min(ceil(Fraction(min(spec.min_weight, LARGEST)) * scale), LARGEST))
    known, most = plain(model.merges, np.int64), np.iinfo(np.int64).max if memory is None else memory

    def merge(stop: NDArray[np.bool_]) -> tuple[NDArray[np.int64], int]:
        # learning runs in a thread of its own, so that Ctrl-C is heard; `stop` is how it is told
        plan = MergePlan(known, base_size, spec.vocabulary_size, least, recount_every, stop, most)
        return loop(run)(tokens, first, outside, joined, span, model.directed, share, plan)

    rows, made = run_interruptible(merge)
    if made == RECOUNT_FAILED:
        raise RecountError("the tracked weights of pairs differ from a recount")
    if made <= TOO_LARGE:
        raise MemoryLimitError(most, TOO_LARGE - made)
    return _append_merges(model, rows, base_size, scale, base.level)


def _levels(model: CompositeModel, size: int) -> NDArray[np.int16]:
    levels = np.zeros(size, np.int16)  # (V,) 0: not known
    levels[model.levels[:, 0]] = model.levels[:, 1]
    return levels


def _append_merges(
    model: CompositeModel, rows: NDArray[np.int64], base_size: int, scale: int, levels: NDArray[np.int16]
) -> CompositeModel:
    """The model with further merges: rows (left, right, relation, weight, count)."""
    # (n, 4): the ids follow from the order of the merges
    merges = np.column_stack([rows[:, :3], base_size + np.arange(len(rows))])
    known = np.flatnonzero(levels > 0)
    return CompositeModel(
        np.concatenate([model.merges, merges]),
        np.concatenate([model.weights, rows[:, 3] / scale]),
        np.concatenate([model.counts, rows[:, 4]]),
        np.column_stack([known, levels[known].astype(np.int64)]),
        model.fields,
        model.across_events,
        model.directed,
    )


def make_shares(largest: int, events: int) -> tuple[NDArray[np.int64], int]:
    """(share, scale): share[a, b] is the integer for 1 / (a b), for sets of up to `largest` tokens.

    The scale is a common multiple of all a b if the weights of so many events then fit into 64 bits; otherwise it is a
    power of two, and each share is rounded down.
    """
    # divisible by every a * b up to the largest: then each share is a whole number, and sums of them are exact
    scale = lcm(*range(1, largest + 1)) ** 2
    # an event adds at most 1 to a pair inside its set (2 / |A|, and |A| is at least 2) and 1 across its link
    if scale * 2 * (events + 1) >= LARGEST:
        scale = 1 << (LARGEST // (2 * (events + 1))).bit_length() - 1
    # (largest + 1, largest + 1): row and column 0 stand for empty sets, which have no pairs
    share = np.zeros((largest + 1, largest + 1), np.int64)
    for a in range(1, largest + 1):
        for b in range(1, largest + 1):
            share[a, b] = scale // (a * b)
    return share, scale
