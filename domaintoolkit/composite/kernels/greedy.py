"""Greedy segmentation: in each chain of sets, the heaviest merge that applies anywhere, until none does.

A merge is as heavy in a place as its weight times the share that the pair has there (2 / |A| inside a set,
1 / (|A| |B|) across), which is how the paper orders them (Hou et al. 2025, section 3.3).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.block import Block, Out, copy, emit, emit_runs, join_events, make_out, trim
from domaintoolkit.composite.kernels.chains import (
    Chains,
    link_match,
    make_chains,
    pair_key,
    position,
    put,
    take,
    take_over,
)
from domaintoolkit.composite.kernels.compilation import entry, inner, leaf
from domaintoolkit.composite.kernels.extremes import block_shift, fill_heaviest, heaviest, note_weight
from domaintoolkit.composite.kernels.merge_table import NO_RULE, find, inside_key, link_key
from domaintoolkit.composite.kernels.sets import Base, split_events

__all__ = ["MergeRules", "has_partner", "segment_greedy"]


class MergeRules(NamedTuple):
    """The merges of a model, in the order in which they are to be preferred; that order is their rank."""

    table: NDArray[np.int64]
    """Rank by key, see `merge_table`."""
    merges: NDArray[np.int64]
    """(n, 4) left, right, relation, id."""
    weight: NDArray[np.float64]  # (n,) falling in the rules of `segment_greedy`: the lowest rank is the heaviest
    partners: NDArray[np.uint64]
    """(V,) a bit for each partner's id modulo 64: most pairs have no rule, and this shows it at once."""
    continues: NDArray[np.bool_]
    """(V,) True if a token holds no start token, only deeper levels of parts."""
    deep: bool
    """True if any token of a set does."""


class Ranks(NamedTuple):
    """The best merge inside each set of one chain and across its link, and the weight of the better one."""

    # (n,) each, but `blocks`; position 0 is the first set of the chain that is being merged
    inside: NDArray[np.int32]
    link: NDArray[np.int32]
    across: NDArray[np.bool_]
    """True if the better one is the one across."""
    best: NDArray[np.float64]
    blocks: NDArray[np.float64]  # (blocks,) the best weight of each block of `best`


@leaf
def has_partner(rules: MergeRules, a: int, b: int) -> Any:
    """False if no merge joins a and b; mostly."""
    return (rules.partners[a] >> np.uint64(b & 63)) & np.uint64(1) != 0


@leaf
def rank_inside(rules: MergeRules, a: int, b: int) -> int:
    return find(rules.table, inside_key(a, b)) if has_partner(rules, a, b) else NO_RULE


@leaf
def rank_slot(rules: MergeRules, left: int, right: int, directed: bool) -> int:
    return find(rules.table, link_key(left, right, 0, directed)) if has_partner(rules, left, right) else NO_RULE


@leaf
def rank_across(chains: Chains, rules: MergeRules, left: int, k: int, right: int, j: int) -> int:
    return find(rules.table, pair_key(chains, left, k, right, j)) if has_partner(rules, left, right) else NO_RULE


@leaf
def inside_best(chains: Chains, rules: MergeRules, k: int) -> int:
    """The rank of the best merge inside set k."""
    # all pairs of a set have the share 2 / |A|, so the lowest rank is the heaviest
    begin, best, tokens = chains.first[k], NO_RULE, chains.tokens
    for p in range(begin, begin + chains.size[k]):
        for q in range(p + 1, begin + chains.size[k]):
            best = min(best, rank_inside(rules, tokens[p], tokens[q]))
    return best


@leaf
def find_barred(chains: Chains, rules: MergeRules, k: int) -> int:
    """The place of a token that may not leave set k to the right, or -1.

    An event must begin with a start token, or its first token would read as one of the event before. So the
    last start token stays while deeper levels do, unless another token of the event comes before them.
    """
    if not rules.deep or not chains.directed or chains.size[k] < 2 or chains.pinned[k]:
        return -1
    i, found = chains.previous[k], -1
    if i >= 0 and chains.slot[i] >= 0:
        return -1
    for p in range(chains.first[k], chains.first[k] + chains.size[k]):
        if not rules.continues[chains.tokens[p]]:
            if found >= 0:
                return -1
            found = p
    return found


@leaf
def slot_best(chains: Chains, rules: MergeRules, k: int) -> int:
    """The rank of the best merge with the slot of k: the heavier of the best to its left and to its right."""
    j, tokens, slot, stays = chains.following[k], chains.tokens, chains.slot[k], find_barred(chains, rules, k)
    left, right = NO_RULE, NO_RULE
    for p in range(chains.first[k], chains.first[k] + chains.size[k]):
        if p != stays:
            left = min(left, rank_slot(rules, tokens[p], slot, chains.directed))
    for q in range(chains.first[j], chains.first[j] + chains.size[j]):
        right = min(right, rank_slot(rules, slot, tokens[q], chains.directed))
    if left == NO_RULE or right == NO_RULE:
        return min(left, right)
    # weight / |A| on the left against weight / |B| on the right, without a division
    return left if rules.weight[left] * chains.size[j] >= rules.weight[right] * chains.size[k] else right


@leaf
def link_best(chains: Chains, rules: MergeRules, k: int) -> int:
    """The rank of the best merge across the link of k."""
    j, best, tokens = chains.following[k], NO_RULE, chains.tokens
    if j < 0:
        return best
    if chains.slot[k] >= 0:
        return slot_best(chains, rules, k)
    # all pairs of two sets have the share 1 / (|A| |B|), so the lowest rank is the heaviest
    stays = find_barred(chains, rules, k)
    for p in range(chains.first[k], chains.first[k] + chains.size[k]):
        if p != stays:
            for q in range(chains.first[j], chains.first[j] + chains.size[j]):
                best = min(best, rank_across(chains, rules, tokens[p], k, tokens[q], j))
    return best


@leaf
def link_weight(chains: Chains, rules: MergeRules, k: int, rank: int) -> Any:
    """The weight of a merge across the link of k."""
    j = chains.following[k]
    if chains.slot[k] < 0:
        return rules.weight[rank] / (chains.size[k] * chains.size[j])
    # a filled slot is a set of one token: the share is 1 over the size of the set that gives the other token
    p, _ = link_match(chains, k, rules.merges[rank, 0], rules.merges[rank, 1], rules.merges[rank, 2])
    return rules.weight[rank] / (chains.size[k] if p >= 0 else chains.size[j])


@leaf
def weigh(chains: Chains, rules: MergeRules, ranks: Ranks, lo: int, k: int) -> float:
    """The weight of the best merge at set k; a merge inside comes before an equal one across."""
    at, inside, across = k - lo, 0.0, 0.0
    if ranks.inside[at] != NO_RULE:
        inside = rules.weight[ranks.inside[at]] * 2 / chains.size[k]
    if ranks.link[at] != NO_RULE:
        across = link_weight(chains, rules, k, ranks.link[at])
    ranks.across[at] = across > inside
    return max(inside, across)


@leaf
def apply_inside(chains: Chains, rules: MergeRules, k: int, rank: int) -> None:
    """Make a merge inside set k."""
    p = position(chains, k, rules.merges[rank, 0])
    q = position(chains, k, rules.merges[rank, 1])
    # the later place first: `take` moves the last token of the set, which may be the other one of the pair
    take(chains, k, max(p, q))
    take(chains, k, min(p, q))
    put(chains, k, rules.merges[rank, 3])


@leaf
def apply_link(chains: Chains, rules: MergeRules, k: int, rank: int) -> tuple[int, int]:
    """Make a merge across the link of k; the tokens that set k and the next have lost, or -1."""
    # a token of the slot is replaced, and so no set loses it
    j, lost, lost_next = chains.following[k], -1, -1
    p, q = link_match(chains, k, rules.merges[rank, 0], rules.merges[rank, 1], rules.merges[rank, 2])
    if p >= 0:
        lost = chains.tokens[p]
        take(chains, k, p)
    if q >= 0:
        lost_next = chains.tokens[q]
        take(chains, j, q)
    chains.slot[k] = rules.merges[rank, 3]
    return lost, lost_next


@leaf
def holds(rules: MergeRules, rank: int, token: int) -> bool:
    """Return True if a merge takes this token."""
    return rank != NO_RULE and (rules.merges[rank, 0] == token or rules.merges[rank, 1] == token)


@leaf
def link_after_inside(chains: Chains, rules: MergeRules, k: int, link: int, was: int, rank: int) -> int:
    """The rank for a link after merge `rank` inside set k, where it was `was`: only the new token adds pairs."""
    a, b, new = rules.merges[rank, 0], rules.merges[rank, 1], rules.merges[rank, 3]
    # search the whole link if its best merge may be gone, or if more than one token matters
    if chains.slot[link] >= 0 or rules.deep or holds(rules, was, a) or holds(rules, was, b):
        return link_best(chains, rules, link)
    other = chains.following[k] if link == k else link
    for q in range(chains.first[other], chains.first[other] + chains.size[other]):
        token = chains.tokens[q]
        if link == k:
            was = min(was, rank_across(chains, rules, new, k, token, other))
        else:
            was = min(was, rank_across(chains, rules, token, other, new, k))
    return was


@leaf
def step_inside(chains: Chains, rules: MergeRules, ranks: Ranks, lo: int, n: int, shift: int, k: int) -> None:
    """Make the best merge inside set k, and rank the sets it touches again."""
    # set k has one token less: the weights of its link and of the link before it change too
    rank, i = ranks.inside[k - lo], chains.previous[k]
    apply_inside(chains, rules, k, rank)
    ranks.inside[k - lo] = inside_best(chains, rules, k)
    if chains.following[k] >= 0:
        ranks.link[k - lo] = link_after_inside(chains, rules, k, k, ranks.link[k - lo], rank)
    note_weight(ranks.best, ranks.blocks, shift, n, k - lo, weigh(chains, rules, ranks, lo, k))
    if i >= 0:
        ranks.link[i - lo] = link_after_inside(chains, rules, k, i, ranks.link[i - lo], rank)
        note_weight(ranks.best, ranks.blocks, shift, n, i - lo, weigh(chains, rules, ranks, lo, i))


@leaf
def rank_link(chains: Chains, rules: MergeRules, ranks: Ranks, lo: int, n: int, shift: int, k: int, lost: int) -> None:
    """Rank set k and its link again after a set next to it has lost a token; `lost` -1: after any change."""
    at = k - lo
    if lost < 0 or chains.slot[k] >= 0 or rules.deep or holds(rules, ranks.link[at], lost):
        ranks.link[at] = link_best(chains, rules, k)
    note_weight(ranks.best, ranks.blocks, shift, n, at, weigh(chains, rules, ranks, lo, k))


@leaf
def step_across(chains: Chains, rules: MergeRules, ranks: Ranks, lo: int, n: int, shift: int, k: int) -> None:
    """Make the best merge across the link of k, and rank the sets it touches again."""
    i, j = chains.previous[k], chains.following[k]
    lost, lost_next = apply_link(chains, rules, k, ranks.link[k - lo])
    if holds(rules, ranks.inside[k - lo], lost):
        ranks.inside[k - lo] = inside_best(chains, rules, k)
    if holds(rules, ranks.inside[j - lo], lost_next):
        ranks.inside[j - lo] = inside_best(chains, rules, j)
    if chains.size[k] == 0 or chains.size[j] == 0:
        # a set without tokens may leave the chain; its neighbours are then linked to other sets
        take_over(chains, k)
        take_over(chains, j)
        for before in (i, chains.previous[k], chains.previous[j]):
            if before >= 0 and before != k:
                rank_link(chains, rules, ranks, lo, n, shift, before, -1)
        rank_link(chains, rules, ranks, lo, n, shift, k, -1)
        rank_link(chains, rules, ranks, lo, n, shift, j, -1)
        return
    rank_link(chains, rules, ranks, lo, n, shift, k, -1)
    if lost >= 0 and i >= 0:
        rank_link(chains, rules, ranks, lo, n, shift, i, lost)
    if lost_next >= 0:
        rank_link(chains, rules, ranks, lo, n, shift, j, lost_next)


@leaf
def merge_chain(chains: Chains, rules: MergeRules, ranks: Ranks, lo: int, n: int) -> None:
    """Segment the chain of n sets that begins with set `lo`, in place."""
    shift = block_shift(n)
    for k in range(lo, lo + n):
        ranks.inside[k - lo] = inside_best(chains, rules, k)
        ranks.link[k - lo] = link_best(chains, rules, k)
        ranks.best[k - lo] = weigh(chains, rules, ranks, lo, k)
    fill_heaviest(ranks.best, ranks.blocks, shift, n)
    at = heaviest(ranks.best, ranks.blocks, shift, n)
    while at >= 0:
        if ranks.across[at]:
            step_across(chains, rules, ranks, lo, n, shift, lo + at)
        else:
            step_inside(chains, rules, ranks, lo, n, shift, lo + at)
        at = heaviest(ranks.best, ranks.blocks, shift, n)


@inner
def merge_chains(chains: Chains, rules: MergeRules) -> None:
    """Segment every chain in place."""
    # as many as there are sets: a chain may be all of them, and each chain uses the arrays from their beginning
    total, lo = len(chains.size), 0
    ranks = Ranks(
        np.empty(total, np.int32),
        np.empty(total, np.int32),
        np.empty(total, np.bool_),
        np.empty(total, np.float64),
        np.empty(total + 1, np.float64),
    )
    while lo < total:
        # before any merge, the sets of a chain are neighbours
        hi = lo
        while chains.following[hi] >= 0:
            hi += 1
        merge_chain(chains, rules, ranks, lo, hi + 1 - lo)
        lo = hi + 1


@leaf
def sort_set(chains: Chains, k: int, lead: NDArray[np.int32]) -> None:
    """Order set k by the first part that each token begins; tokens that begin none come last."""
    tokens, begin = chains.tokens, chains.first[k]
    # insertion sort: stable, and a set has at most MAX_SET tokens
    for p in range(begin + 1, begin + chains.size[k]):
        token, q = tokens[p], p
        while q > begin and lead[tokens[q - 1]] > lead[token]:
            tokens[q] = tokens[q - 1]
            q -= 1
        tokens[q] = token


@leaf
def emit_event(
    out: Out, block: Block, chains: Chains, base: Base, lead: NDArray[np.int32], opens: bool, e: int
) -> None:
    """Write the rest of event e: its parts outside, its set, and the token that leads to the next event."""
    i = chains.previous[e]
    # an event that begins inside a composite of the event before starts at that composite
    shared = i >= 0 and chains.slot[i] >= 0
    out.starts[e] = out.at[0] - (1 if shared else 0)
    if opens:
        copy(out, block.ids, block.begins[e], block.begins[e] + 1)
    sort_set(chains, e, lead)
    begin, end = chains.first[e], chains.first[e] + chains.size[e]
    if chains.pinned[e]:
        emit_runs(out, block, e, base, opens, chains.tokens, begin, end, lead)
    else:
        for p in range(begin, end):
            emit(out, chains.tokens[p])
    if chains.slot[e] >= 0:
        emit(out, chains.slot[e])


@entry
def segment_greedy(
    block: Block, base: Base, rules: MergeRules, span: NDArray[np.int64], lead: NDArray[np.int32], flags: int
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Segmented streams: ids, where each history begins, and each event. Flags: 1 directed, 2 across events."""
    # (tokens in sets,), (events + 1,), then (events,) each
    tokens, first, outside, opens = split_events(block.ids, block.begins, block.ends, base)
    joined = join_events(first, opens, block.event_offsets, flags & 2 != 0)  # (events,)
    chains = make_chains(tokens.astype(np.int64), first, outside, joined, span, flags & 1 != 0)
    merge_chains(chains, rules)
    out = make_out(block)
    for h in range(len(block.offsets) - 1):
        low, high = block.event_offsets[h], block.event_offsets[h + 1]
        # the header; a history without events is only that
        copy(out, block.ids, block.offsets[h], block.begins[low] if high > low else block.offsets[h + 1])
        for e in range(low, high):
            emit_event(out, block, chains, base, lead, opens[e], e)
        out.offsets[h + 1] = out.at[0]
    return trim(out)
