"""Construction: merge the heaviest pair until enough are made, with exact weights at every step."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.kernels.chains import Chains, link_match, make_chains, position, put, take, take_over
from domaintoolkit.composite.kernels.compilation import entry, inner, leaf
from domaintoolkit.composite.kernels.merge_table import EMPTY, NO_RULE, find, insert, make_table
from domaintoolkit.composite.kernels.pair_counts import count_all, count_link, same_counts, shift_inside, shift_side
from domaintoolkit.composite.kernels.pairs import (
    FULL,
    Heap,
    Pairs,
    make_heap,
    places_of,
    pop,
    push,
    room_for,
    weight_of,
)

__all__ = ["RECOUNT_FAILED", "TOO_LARGE", "MergePlan", "learn"]

RECOUNT_FAILED = -1
TOO_LARGE = -2
"""This, less the number of events whose pairs fit into memory."""


class MergePlan(NamedTuple):
    """The task of learning. `known` are the merges so far, rows (left, right, relation, id), which are replayed first.

    `stop[0]` becomes true if the result is no longer wanted; it is read before each merge. `most` is the largest number
    of bytes that counted pairs may take.
    """

    known: NDArray[np.int64]
    first_id: int
    limit: int
    least: int
    recount_every: int
    stop: NDArray[np.bool_]
    most: int


@leaf
def merge_inside(
    chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int, places: tuple[int, int], new: int
) -> None:
    """Replace two tokens of set k, at these places, by `new`."""
    first, second = min(places), max(places)
    gone, gone_too = chains.tokens[first], chains.tokens[second]
    old = chains.size[k]
    # the later place first: `take` moves the last token of the set, which may be the other one of the pair
    take(chains, k, second)
    take(chains, k, first)
    put(chains, k, new)
    shift_inside(chains, pairs, share, k, old, gone, gone_too, new)
    shift_side(chains, pairs, share, k, -1, old, gone, gone_too, new)
    shift_side(chains, pairs, share, k, 1, old, gone, gone_too, new)


@leaf
def merge_link(chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int, left: int, right: int, new: int) -> None:
    """Put `new` into the slot of k, in place of the token at `left` in set k, `right` in the next (-1: the slot's)."""
    j = chains.following[k]
    # all pairs of a link change when its slot is filled: they are subtracted and counted again
    count_link(chains, pairs, share, k, -1)
    gone_left, gone_right = EMPTY, EMPTY
    if left >= 0:
        gone_left = chains.tokens[left]
        take(chains, k, left)
    if right >= 0:
        gone_right = chains.tokens[right]
        take(chains, j, right)
    chains.slot[k] = new
    count_link(chains, pairs, share, k, 1)
    if left >= 0:
        # set k has one token less: the pairs inside it and with the set before change too
        shift_inside(chains, pairs, share, k, chains.size[k] + 1, gone_left, EMPTY, EMPTY)
        shift_side(chains, pairs, share, k, -1, chains.size[k] + 1, gone_left, EMPTY, EMPTY)
    if right >= 0:
        # and so do those of set j, and with the set after it
        shift_inside(chains, pairs, share, j, chains.size[j] + 1, gone_right, EMPTY, EMPTY)
        shift_side(chains, pairs, share, j, 1, chains.size[j] + 1, gone_right, EMPTY, EMPTY)


@leaf
def merge_at(
    chains: Chains, pairs: Pairs, share: NDArray[np.int64], k: int, rule: tuple[int, int, int, int]
) -> tuple[int, int]:
    """Apply a rule inside set k and across its link: (merges made, of these across the link)."""
    a, b, relation, new = rule
    inside, across = 0, 0
    if a != b and relation == 0:
        p, q = position(chains, k, a), position(chains, k, b)
        if p >= 0 and q >= 0:
            merge_inside(chains, pairs, share, k, (p, q), new)
            inside = 1
    if chains.following[k] >= 0:
        p, q = link_match(chains, k, a, b, relation)
        if p != -2:
            merge_link(chains, pairs, share, k, p, q, new)
            across = 1
    return inside + across, across


@leaf
def settle(chains: Chains, pairs: Pairs, share: NDArray[np.int64], j: int) -> None:
    """`take_over`, with the weights of the new neighbours."""
    i = chains.previous[j]
    if not take_over(chains, j):
        return
    shift_side(chains, pairs, share, j, 1, 0, EMPTY, EMPTY, chains.tokens[chains.first[j]])
    if chains.previous[j] != i and chains.previous[j] >= 0:
        count_link(chains, pairs, share, chains.previous[j], 1)


@inner
def room_at(chains: Chains, pairs: Pairs, k: int) -> Pairs:
    """The pairs with room for those that one place can add; an upper bound."""
    j, i = chains.following[k], chains.previous[k]
    # the two slots beside set k hold a token each. Only the new token's pairs get a place, on each side and inside;
    # any pair of the neighbourhood may grow
    most = chains.size[k] + (chains.size[j] if j >= 0 else 0) + (chains.size[i] if i >= 0 else 0) + 2
    return room_for(pairs, 4 * most, most * most)


@inner
def merge_everywhere(chains: Chains, pairs: Pairs, share: NDArray[np.int64], key: int, new: int) -> tuple[Pairs, int]:
    """Apply the rule of a pair in all its places, from the left; emptied sets settle afterwards."""
    rule = (key >> 32, (key >> 1) & 0x7FFFFFFF, key & 1, new)
    # an event that both halves share (relation 0) counts once
    chains.span[new] = chains.span[rule[0]] + chains.span[rule[1]] - 1 + rule[2]
    places = places_of(pairs, key)
    emptied = np.empty(len(places), np.int64)
    count, crossed = 0, 0
    # a place may be out of date: `merge_at` checks that the pair is still there
    for k in places:
        pairs = room_at(chains, pairs, k)
        made, across = merge_at(chains, pairs, share, k, rule)
        count += made
        if across:
            emptied[crossed] = k
            crossed += 1
    # not before: settling moves tokens from slots into sets, and would change places still to be visited
    for q in range(crossed):
        k = emptied[q]
        j = chains.following[k]
        # k before j: its room also covers the set before it, which j adjoins once k is gone
        for touched in (k, j):
            if touched >= 0:
                pairs = room_at(chains, pairs, touched)
                settle(chains, pairs, share, touched)
    return pairs, count


@inner
def replay(chains: Chains, pairs: Pairs, share: NDArray[np.int64], plan: MergePlan, rules: NDArray[np.int64]) -> Pairs:
    """Apply merges that were made before, in their order."""
    known = plan.known
    for i in range(known.shape[0]):
        if plan.stop[0]:
            break
        # the bits of `merge_table`: 31 of left, 31 of right, 1 of the relation
        key = (known[i, 0] << 32) | (known[i, 1] << 1) | known[i, 2]
        insert(rules, key, known[i, 3])
        chains.span[known[i, 3]] = chains.span[known[i, 0]] + chains.span[known[i, 1]] - 1 + known[i, 2]
        if weight_of(pairs, key) > 0:
            pairs, _ = merge_everywhere(chains, pairs, share, key, known[i, 3])
            # forget which pairs have grown (DIRTY): there is no heap yet, and `refill` will look at all of them
            pairs.state[4] = 0
    return pairs


@inner
def again(pairs: Pairs, heap: Heap, key: int) -> Heap:
    """The heap with a merged pair, if it is still heavy somewhere."""
    weight = weight_of(pairs, key)
    return push(heap, weight, key) if weight >= pairs.state[2] else heap


@inner
def learn_chains(chains: Chains, share: NDArray[np.int64], plan: MergePlan) -> tuple[NDArray[np.int64], int]:
    """The merges: rows (left, right, relation, weight, count); and how many were made, or why none were.

    A pair that comes up again after its merge keeps its token when directed; the published form, which
    undirected models reproduce, makes another token for it.
    """
    pairs = count_all(chains, share, plan.most)
    if pairs.state[FULL] > 0:
        return np.empty((0, 5), np.int64), TOO_LARGE - (pairs.state[FULL] - 1)
    rules = make_table(plan.known.shape[0] + plan.limit)
    pairs = replay(chains, pairs, share, plan, rules)
    heap = make_heap()
    rows = np.empty((plan.limit, 5), np.int64)  # left, right, relation, weight, count
    made, steps = 0, 0
    while made < plan.limit and not plan.stop[0]:
        heap, key = pop(pairs, heap, plan.least)
        if key == EMPTY:
            break
        new, weight = find(rules, key), weight_of(pairs, key)
        fresh = new == NO_RULE or not chains.directed
        if fresh:
            new = plan.first_id + made
            insert(rules, key, new)
        pairs, count = merge_everywhere(chains, pairs, share, key, new)
        if fresh:
            rows[made] = (key >> 32, (key >> 1) & 0x7FFFFFFF, key & 1, weight, count)
            made += 1
        # merged once more, under the token it has; pairs of `known` are counted in their own model
        elif new >= plan.first_id:
            rows[new - plan.first_id, 4] += count
        heap = again(pairs, heap, key)
        steps += 1
        if plan.recount_every > 0 and steps % plan.recount_every == 0 and not same_counts(pairs, chains, share):
            return rows[:made], RECOUNT_FAILED
    return rows[:made], made


@entry
def learn(
    tokens: NDArray[np.int32],
    first: NDArray[np.int64],
    outside: NDArray[np.bool_],
    joined: NDArray[np.bool_],
    span: NDArray[np.int64],
    directed: bool,
    share: NDArray[np.int64],
    plan: MergePlan,
) -> tuple[NDArray[np.int64], int]:
    """`learn_chains` on the sets of `split_events`; `share[a, b]` is the integer weight for 1 / (a b)."""
    chains = make_chains(tokens.astype(np.int64), first, outside, joined, span, directed)
    return learn_chains(chains, share, plan)
