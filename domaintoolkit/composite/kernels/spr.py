"""Set permutation regularisation: shuffle each set, flatten the chain, then plain BPE by rank."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.block import Block, Out, copy, emit, emit_runs, join_events, make_out, trim
from domaintoolkit.composite.kernels.compilation import entry, leaf
from domaintoolkit.composite.kernels.extremes import block_shift, fill_least, least, note_rank
from domaintoolkit.composite.kernels.greedy import MergeRules, has_partner
from domaintoolkit.composite.kernels.merge_table import NO_RULE, find, inside_key, link_key
from domaintoolkit.composite.kernels.sets import Base, split_events

__all__ = ["segment_spr"]

LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


class Flat(NamedTuple):
    """The shuffled sets of all chains, one after another, as linked lists."""

    token: NDArray[np.int64]
    """(n,) -1 for a token that has been merged into the one before it."""
    begin: NDArray[np.int32]
    """The first event of each token."""
    end: NDArray[np.int32]
    """The last."""
    following: NDArray[np.int32]
    previous: NDArray[np.int32]  # (n,) as `following`: positions, or -1
    pinned: NDArray[np.bool_]
    # `rank` and `blocks` are those of one chain, from its first token on
    rank: NDArray[np.int32]
    """The rank of each token's merge with the token that follows it."""
    blocks: NDArray[np.int32]
    directed: bool


@leaf
def mix(state: Any) -> Any:
    """The finalizer of SplitMix64, as `util.hashing.mix` of columns; here of one number, and without its step."""
    z = np.uint64(state)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@leaf
def shuffle(tokens: NDArray[np.int64], begin: int, size: int, state: Any) -> Any:
    """Fisher-Yates over tokens[begin : begin + size], two draws from each random number; the new state."""
    draw = np.uint64(0)
    for left in range(size, 1, -1):
        if (size - left) & 1 == 0:
            state = np.uint64(state) + np.uint64(0x9E3779B97F4A7C15)
            draw = mix(state)
        p = begin + left - 1
        # 32 random bits times `left`, shifted: a number below `left` without a division
        q = begin + np.int64(((draw & LOW) * np.uint64(left)) >> HALF)
        draw = draw >> HALF
        tokens[p], tokens[q] = tokens[q], tokens[p]
    return state


@leaf
def order_levels(tokens: NDArray[np.int64], begin: int, end: int, base: Base) -> None:
    """Put the tokens of each part into their order, within the places that the shuffle gave the part."""
    # exchange sort between tokens of one part only: the others keep the places of the shuffle
    for p in range(begin, end):
        for q in range(p + 1, end):
            a, b = tokens[p], tokens[q]
            if base.place[a] == base.place[b] and base.level[b] < base.level[a]:
                tokens[p], tokens[q] = b, a


@leaf
def pair_rank(flat: Flat, rules: MergeRules, i: int) -> Any:
    """The rank of the merge of the token at `i` with the one that follows it."""
    j = flat.following[i]
    if j < 0:
        return NO_RULE
    a, b = flat.token[i], flat.token[j]
    if not has_partner(rules, a, b):
        return NO_RULE
    # `a` ends in the event in which `b` begins; otherwise `b` begins in the next event
    same = flat.end[i] == flat.begin[j]
    if not flat.directed or (same and flat.begin[i] == flat.end[j]):
        key = inside_key(a, b)
    else:
        key = link_key(a, b, 0 if same else 1, True)
    # no composite may reach across an event that has parts outside its set
    for e in (flat.end[i], flat.begin[j]):
        if flat.begin[i] < e < flat.end[j] and flat.pinned[e]:
            return NO_RULE
    return find(rules.table, key)


@leaf
def merge_flat(flat: Flat, rules: MergeRules, lo: int, n: int) -> None:
    """BPE over the n tokens from `lo`: the merge of lowest rank, the first of several, until none is left."""
    shift = block_shift(n)
    for i in range(n):
        flat.rank[i] = pair_rank(flat, rules, lo + i)
    fill_least(flat.rank, flat.blocks, shift, n)
    at = least(flat.rank, flat.blocks, shift, n)
    while at >= 0:
        i = lo + at
        j = flat.following[i]
        after = flat.following[j]
        flat.token[i], flat.token[j] = rules.merges[flat.rank[at], 3], -1
        flat.end[i], flat.following[i] = flat.end[j], after
        if after >= 0:
            flat.previous[after] = i
        # three ranks change: of the token that is gone, of the new one, and of the one before it
        note_rank(flat.rank, flat.blocks, shift, n, j - lo, NO_RULE)
        note_rank(flat.rank, flat.blocks, shift, n, at, pair_rank(flat, rules, i))
        h = flat.previous[i]
        if h >= 0:
            note_rank(flat.rank, flat.blocks, shift, n, h - lo, pair_rank(flat, rules, h))
        at = least(flat.rank, flat.blocks, shift, n)


@leaf
def lay_out(
    flat: Flat, first: NDArray[np.int64], joined: NDArray[np.bool_], low: int, high: int, base: Base, state: Any
) -> None:
    """Shuffle the sets of events low .. high - 1 and link their tokens into chains."""
    # True if a token of the event stands on a level below the first
    deep = False
    for e in range(low, high):
        begin, end = first[e], first[e + 1]
        state = shuffle(flat.token, begin, end - begin, state)
        for i in range(begin, end):
            flat.begin[i] = flat.end[i] = e
            flat.previous[i], flat.following[i] = i - 1, i + 1
            # levels of one part must stay in order, whatever the shuffle does
            deep = deep or not base.start[flat.token[i]]
        if deep:
            order_levels(flat.token, begin, end, base)
            deep = False
        # a chain ends with its last event, and begins with its first one
        if end > begin and not joined[e]:
            flat.following[end - 1] = -1
        if end > begin and (e == low or not joined[e - 1]):
            flat.previous[begin] = -1


@leaf
def merge_events(
    flat: Flat, rules: MergeRules, first: NDArray[np.int64], joined: NDArray[np.bool_], low: int, high: int
) -> None:
    """Segment each chain of the events low .. high - 1."""
    e = low
    while e < high:
        begin = e
        while joined[e]:
            e += 1
        e += 1
        if first[e] - first[begin] > 1:
            merge_flat(flat, rules, first[begin], first[e] - first[begin])


@leaf
def emit_event(
    out: Out,
    block: Block,
    flat: Flat,
    first: NDArray[np.int64],
    base: Base,
    lead: NDArray[np.int32],
    opens: bool,
    e: int,
) -> None:
    """Write event e: its parts outside, then the tokens that begin in it."""
    # the first token of the set was merged into one that begins in an event before
    shared = first[e + 1] > first[e] and flat.token[first[e]] < 0
    out.starts[e] = out.at[0] - (1 if shared else 0)
    if opens:
        copy(out, block.ids, block.begins[e], block.begins[e] + 1)
    if flat.pinned[e]:
        emit_runs(out, block, e, base, opens, flat.token, 0, 0, lead)
    for i in range(first[e], first[e + 1]):
        if flat.token[i] >= 0:
            emit(out, flat.token[i])


@entry
def segment_spr(
    block: Block,
    base: Base,
    rules: MergeRules,
    lead: NDArray[np.int32],
    flags: int,
    states: NDArray[np.uint64],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """As `segment_greedy`, with the seed of each history in `states`."""
    tokens, first, outside, opens = split_events(block.ids, block.begins, block.ends, base)
    # (events,) True if the chain of an event goes on in the next one
    joined, n = join_events(first, opens, block.event_offsets, flags & 2 != 0), len(tokens)
    flat = Flat(
        # in the order of the fields of `Flat`; every history uses its own range of each array
        tokens.astype(np.int64),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        np.empty(n, np.int32),
        outside,
        np.empty(n, np.int32),
        np.empty(n + 1, np.int32),
        flags & 1 != 0,
    )
    out = make_out(block)
    for h in range(len(block.offsets) - 1):
        low, high = block.event_offsets[h], block.event_offsets[h + 1]
        # the header is copied: composites are of events only
        copy(out, block.ids, block.offsets[h], block.begins[low] if high > low else block.offsets[h + 1])
        lay_out(flat, first, joined, low, high, base, states[h])
        merge_events(flat, rules, first, joined, low, high)
        for e in range(low, high):
            emit_event(out, block, flat, first, base, lead, opens[e], e)
        out.offsets[h + 1] = out.at[0]
    return trim(out)
