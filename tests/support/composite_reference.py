"""ActionPiece's construction as the paper and its published code do it, with exact counts and no regard for speed.

Every pair is counted again after every merge, in fractions. Histories are lists that alternate sets and slots.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations, pairwise


@dataclass
class Node:
    """One set, and the slot behind it. `event` is the number of the set's event within its history."""

    event: int
    tokens: list[int]
    pinned: bool = False
    slot: int | None = None


Key = tuple[int, int, int]


@dataclass
class Reference:
    """Chains of sets under merges. `spans` says how many events a token covers."""

    chains: list[list[Node]]
    directed: bool
    spans: dict[int, int] = field(default_factory=dict)

    def inside(self, a: int, b: int) -> Key:
        return (min(a, b), max(a, b), 0)

    def across(self, left: int, right: int, last_of_left: int, last_of_right: int) -> Key:
        if not self.directed:
            return self.inside(left, right)
        first_of_right = last_of_right - self.spans.get(right, 1) + 1
        return (left, right, int(first_of_right > last_of_left))

    def pairs_at(self, chain: list[Node], n: int) -> list[tuple[Key, Fraction]]:
        """The pairs of set n and of its link, with their weights."""
        node, size = chain[n], len(chain[n].tokens)
        found = [(self.inside(a, b), Fraction(2, size)) for a, b in combinations(node.tokens, 2)]
        if n + 1 == len(chain):
            return found
        after = chain[n + 1]
        if node.slot is None:
            weight = Fraction(1, size * len(after.tokens)) if size and after.tokens else Fraction(0)
            return found + [
                (self.across(a, b, node.event, after.event), weight) for a in node.tokens for b in after.tokens
            ]
        found += [(self.across(a, node.slot, node.event, after.event), Fraction(1, size)) for a in node.tokens]
        return found + [
            (self.across(node.slot, b, after.event, after.event), Fraction(1, len(after.tokens))) for b in after.tokens
        ]

    def counts(self) -> Counter[Key]:
        total: Counter[Key] = Counter()
        for chain in self.chains:
            for n in range(len(chain)):
                for key, weight in self.pairs_at(chain, n):
                    total[key] += weight  # type: ignore[assignment]
        return total

    def merge_link(self, chain: list[Node], n: int, key: Key, new: int) -> bool:
        node, after = chain[n], chain[n + 1]
        a, b, _ = key
        if node.slot is not None:
            for left in node.tokens:
                if self.across(left, node.slot, node.event, after.event) == key:
                    node.tokens.remove(left)
                    node.slot = new
                    return True
            for right in after.tokens:
                if self.across(node.slot, right, after.event, after.event) == key:
                    after.tokens.remove(right)
                    node.slot = new
                    return True
            return False
        for left, right in ((a, b), (b, a)):
            fits = left in node.tokens and right in after.tokens
            if fits and self.across(left, right, node.event, after.event) == key:
                node.tokens.remove(left)
                after.tokens.remove(right)
                node.slot = new
                return True
        return False

    def merge(self, key: Key, new: int) -> int:
        """Apply a merge everywhere, from the left; emptied sets take over slots afterwards. How often it was made."""
        self.spans[new] = self.spans.get(key[0], 1) + self.spans.get(key[1], 1) - 1 + key[2]
        made = 0
        for chain in self.chains:
            for n, node in enumerate(chain):
                a, b, relation = key
                if a != b and relation == 0 and a in node.tokens and b in node.tokens:
                    node.tokens = [new] + [token for token in node.tokens if token not in (a, b)]
                    made += 1
                if n + 1 < len(chain):
                    made += self.merge_link(chain, n, key, new)
            self.settle(chain)
        return made

    def settle(self, chain: list[Node]) -> None:
        changed = True
        while changed:
            changed = False
            for before, node in pairwise(chain):
                if not node.tokens and not node.pinned and before.slot is not None:
                    node.tokens, before.slot, changed = [before.slot], None, True
            for n in range(len(chain) - 2, -1, -1):
                if not chain[n].tokens and chain[n].slot is None and not chain[n].pinned:
                    del chain[n]
                    changed = True

    def learn(self, first_id: int, limit: int, least: float) -> list[tuple[int, int, int, float, int]]:
        """Rows (left, right, relation, weight, count), and count what later merges of the same pair add."""
        rows: list[tuple[int, int, int, float, int]] = []
        known: dict[Key, int] = {}
        while len(rows) < limit:
            counts = self.counts()
            if not counts:
                break
            key = min(counts, key=lambda pair: (-counts[pair], pair))
            weight = counts[key]
            if weight < least or weight == 0:
                break
            if key in known and self.directed:
                at = known[key]
                rows[at] = (*rows[at][:4], rows[at][4] + self.merge(key, first_id + at))
                continue
            known[key] = len(rows)
            rows.append((*key, float(weight), self.merge(key, first_id + len(rows))))
        return rows
