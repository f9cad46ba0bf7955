"""A block of histories that is segmented: its input, and its output as it is written."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.compilation import entry, inner, leaf
from domaintoolkit.composite.kernels.sets import MAX_SET, Base, run_end, run_fits

__all__ = ["Block", "Out", "copy", "emit", "emit_runs", "join_events", "make_out", "trim"]


class Block(NamedTuple):
    """Some histories of base streams. Positions are those in `ids`, which holds all streams."""

    # also those of other blocks: `offsets` need not begin at 0
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    """(h + 1,) where each history begins."""
    begins: NDArray[np.int64]
    """(e,) where each event begins, with its [SESSION]."""
    ends: NDArray[np.int64]  # (e,)
    event_offsets: NDArray[np.int64]
    """(h + 1,) the first event of each history, counted within the block."""


class Out(NamedTuple):
    """Streams being written; `at` is their length so far."""

    ids: NDArray[np.int32]  # (room,)
    offsets: NDArray[np.int64]  # (h + 1,)
    starts: NDArray[np.int64]  # (e,) of the block, in `ids`
    at: NDArray[np.int64]  # (1,) an array, since fields of a NamedTuple cannot be assigned to


@inner
def make_out(block: Block) -> Out:
    """Room for segmented streams, which are never longer than the base streams."""
    h = len(block.offsets) - 1
    # a merge replaces two tokens by one
    room = block.offsets[h] - block.offsets[0]
    return Out(
        np.empty(room, np.int32),
        np.zeros(h + 1, np.int64),
        np.zeros(len(block.begins), np.int64),
        np.zeros(1, np.int64),
    )


@leaf
def copy(out: Out, ids: NDArray[np.int32], begin: int, end: int) -> None:
    """Write ids[begin:end]."""
    at = out.at[0]
    for i in range(begin, end):
        out.ids[at] = ids[i]
        at += 1
    out.at[0] = at


@leaf
def emit(out: Out, token: int) -> None:
    out.ids[out.at[0]] = token
    out.at[0] += 1


@entry
def join_events(
    first: NDArray[np.int64], opens: NDArray[np.bool_], event_offsets: NDArray[np.int64], across: bool
) -> NDArray[np.bool_]:
    """(e,) True if an event adjoins the next: of one history and session, and both sets hold tokens."""
    joined = np.zeros(len(opens), np.bool_)
    if not across:
        return joined
    for h in range(len(event_offsets) - 1):
        # all events of a history but its last, which adjoins none
        for e in range(event_offsets[h], event_offsets[h + 1] - 1):
            joined[e] = first[e + 1] > first[e] and first[e + 2] > first[e + 1] and not opens[e + 1]
    return joined


@leaf
def emit_runs(
    out: Out,
    block: Block,
    e: int,
    base: Base,
    opens: bool,
    own: NDArray[np.int64],
    own_begin: int,
    own_end: int,
    lead: NDArray[np.int32],
) -> None:
    """Write the parts of event e that stay outside its set, and between them the tokens own[own_begin:own_end].

    These are sorted by their `lead`, the first part that they begin; each comes before the later parts.
    """
    # the session token has been written already
    ids, i, size = block.ids, block.begins[e] + (1 if opens else 0), 0
    while i < block.ends[e]:
        j = run_end(ids, i, block.ends[e], base.start)
        # the same test in the same order as in `split_event`, so it finds the same runs
        if run_fits(ids, i, j, MAX_SET - size, base):
            size += j - i
        else:
            while own_begin < own_end and lead[own[own_begin]] < lead[ids[i]]:
                emit(out, own[own_begin])
                own_begin += 1
            copy(out, ids, i, j)
        i = j
    for p in range(own_begin, own_end):
        emit(out, own[p])


@inner
def trim(out: Out) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """The output so far: ids, where histories begin, where events begin."""
    return out.ids[: out.at[0]].copy(), out.offsets, out.starts
