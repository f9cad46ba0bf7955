"""The tokens of each part of a field in groups that are frequent enough to compare."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import TimestampEncoder
from domaintoolkit.schema import Numeric
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.ragged import run_offsets

__all__ = ["PartGroups", "TokenGroups", "group_tokens"]

GROUPS = 40
"""A group holds about a fortieth of the encoded tokens of its part, or one token with more."""

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PartGroups:
    """The groups of one part: those from number `first` up to `end`, in an order in which neighbours are alike."""

    field: str
    part: str
    """The part's readable name, such as `event_time.weekday`."""
    calendar: str | None
    """The calendar part that the tokens stand for, if it is one."""
    deltas: tuple[int, ...] | None
    """The least delta of each group, in microseconds, if it is the part of deltas."""
    first: int
    end: int


@dataclass(frozen=True, slots=True, eq=False)
class TokenGroups:
    """The groups of all parts."""

    of_token: NDArray[np.int64]
    """(V,) the group of each token; -1 if it is not compared."""
    parts: tuple[PartGroups, ...]
    labels: tuple[str, ...]
    """A readable name for each group."""

    def count(self, ids: NDArray[np.integer], histories: NDArray[np.int64], replicates: int) -> Counts:
        """(replicates, groups): the tokens in each group, by the replicate of the history that holds each token."""
        groups = self.of_token[ids]  # (tokens,)
        kept = groups >= 0
        size = len(self.labels)
        # (replicate, group) of each token as one number
        cells = (histories[kept] % replicates) * size + groups[kept]
        return np.bincount(cells, minlength=replicates * size).reshape(replicates, size)


def group_tokens(tokenizer: DomainTokenizer, encoded: Counts) -> TokenGroups:
    """Groups for the tokens of every part, by how often each token is in the encoded folder: `encoded` is (V,).

    The delta of a history's first event says only that no event comes before it, so it is left out.
    """
    grammar, vocabulary = tokenizer.grammar, tokenizer.vocabulary
    kinds = [token.identity[2].partition(":")[0] for token in vocabulary]
    compared = np.ones(len(vocabulary), np.bool_)
    if tokenizer.layout.no_delta is not None:
        compared[tokenizer.layout.no_delta] = False
    of_token = np.full(len(vocabulary), -1, np.int64)
    parts: list[PartGroups] = []
    labels: list[str] = []
    for number, field in enumerate(grammar.part_fields):
        ids = np.flatnonzero((grammar.place == number) & compared)
        if field is None or not len(ids):
            continue
        own = [kinds[token] for token in ids]
        calendar, ordered, lowest = _order_of(tokenizer, field, number, own)
        found = _group_part(ids, own, encoded[ids], ordered) if lowest is None else [ids[[k]] for k in range(len(ids))]
        for place, group in enumerate(found):
            of_token[group] = len(labels) + place
        begin = len(labels)
        labels += [_label([vocabulary.names[token] for token in group], ordered) for group in found]
        parts.append(PartGroups(field, grammar.part_names[number], calendar, lowest, begin, len(labels)))
    return TokenGroups(of_token, tuple(parts), tuple(labels))


def _order_of(
    tokenizer: DomainTokenizer, field: str, part: int, kinds: list[str]
) -> tuple[str | None, bool, tuple[int, ...] | None]:
    """The calendar part of a part; True if neighbouring tokens stand for neighbouring values; the least deltas.

    `kinds` are those of its tokens. The token of a missing time has the delta 0.
    """
    encoder = next(bound.encoder for bound in tokenizer.layout.bound if bound.name == field)
    if not isinstance(encoder, TimestampEncoder):
        return None, isinstance(getattr(encoder, "spec", None), Numeric), None
    name = encoder.parts[part - tokenizer.grammar.part_fields.index(field)]
    if name != "delta" or encoder.buckets is None:
        return name, True, None
    # bucket 0 is that of first events, which are not compared
    lows = iter([encoder.buckets.span(bucket)[0] for bucket in range(1, len(encoder.buckets.names))])
    return None, True, tuple(next(lows) if kind == "delta" else 0 for kind in kinds)


def _group_part(ids: Counts, kinds: list[str], counts: Counts, ordered: bool) -> list[Counts]:
    """The tokens of one part in groups. A token that is the only one of its kind, such as null, is a group.

    So are the hash buckets together: all of them stand for values without a token.
    """
    of_kind = Counter(kinds)
    hashed = np.array([kind == "hash" for kind in kinds])
    special = np.array([of_kind[kind] == 1 for kind in kinds]) & ~hashed
    common, count = ids[~(special | hashed)], counts[~(special | hashed)]
    if not ordered:
        # the most frequent first, so that rare tokens share groups
        order = np.argsort(-count, kind="stable")
        common, count = common[order], count[order]
    groups = [*(ids[[place]] for place in np.flatnonzero(special)), *([ids[hashed]] if hashed.any() else [])]
    if not len(common):
        return groups
    # (common,): the share of the part's tokens before each, in fortieths; a step of at least one begins a group
    before = (np.cumsum(count) - count) / max(int(count.sum()), 1)
    bounds = run_offsets(np.floor(before * GROUPS)).tolist()
    return [*(common[low:high] for low, high in pairwise(bounds)), *groups]


def _label(names: list[str], ordered: bool) -> str:
    if len(names) == 1:
        return names[0]
    return f"{names[0]} to {names[-1]}" if ordered else f"{names[0]} and {len(names) - 1} others"
