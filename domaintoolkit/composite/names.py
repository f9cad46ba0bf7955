"""Identities and readable names of composites, and the table of the heaviest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.composite.stream_arrays import Ints
from domaintoolkit.composite.tables import find_leads
from domaintoolkit.grammar import Grammar

__all__ = ["Heavy", "composite_keys", "composite_names", "heaviest", "share_emitted"]

SEPARATORS = re.compile("[,>]")


@dataclass(frozen=True, slots=True)
class Heavy:
    """A composite: its weight (expected adjacencies of its two halves) and count when it was learned."""

    id: int
    name: str
    weight: float
    count: int


def composite_keys(model: CompositeModel) -> list[str]:
    """The identity of each composite, for life: its halves and their relation, then a number if these occur again."""
    seen: Counter[tuple[int, ...]] = Counter()
    keys = []
    for left, right, relation, _ in model.merges.tolist():
        seen[left, right, relation] += 1
        times = seen[left, right, relation]
        keys.append(f"{left} {right} {relation}" + (f" {times}" if times > 1 else ""))
    return keys


def composite_names(model: CompositeModel, names: Sequence[str], grammar: Grammar) -> list[str]:
    r"""`[{event_type=cart, price 32.5..35.8}]`, and with `>` before each next event `[{event_type=cart > brand=lg}]`.

    `names` are those of all tokens that composites are made of. Parts come in the order of the schema; a comma or
    `>` within one is written `\,` or `\>`. Composites of the same parts are numbered: `[{...} 2]`.
    """
    order = find_leads(model, grammar)
    seen: Counter[str] = Counter()
    result = []
    for pieces in model.pieces:
        events = groupby(sorted(pieces, key=lambda piece: (piece.event, order[piece.token])), lambda piece: piece.event)
        text = " > ".join(", ".join(_inner(names[piece.token]) for piece in own) for _, own in events)
        seen[text] += 1
        result.append(f"[{{{text}}}{f' {seen[text]}' if seen[text] > 1 else ''}]")
    return result


def _inner(name: str) -> str:
    """The name of a part, without its brackets."""
    return SEPARATORS.sub(r"\\\g<0>", name[1:-1])


def heaviest(model: CompositeModel, names: Sequence[str], grammar: Grammar, count: int = 20) -> list[Heavy]:
    """The heaviest composites, the earlier of equal ones first."""
    own = composite_names(model, names, grammar)
    # later merges may be heavier than earlier ones: the shares of a set's pairs grow as the set shrinks
    order = np.argsort(-model.weights, kind="stable")[:count].tolist()
    return [Heavy(int(model.ids[i]), own[i], float(model.weights[i]), int(model.counts[i])) for i in order]


def share_emitted(model: CompositeModel, ids: Ints) -> float:
    """The share of the model's composites that occur in segmented streams; 1 for a model without any."""
    return float(np.isin(model.ids, ids).mean()) if len(model) else 1.0
