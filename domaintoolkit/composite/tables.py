"""The tables that the compiled loops look up: arrays by id, from a grammar and a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.grammar import Grammar, Place

__all__ = ["count_ids", "find_allowed", "find_leads", "fit_size", "make_base", "make_pieces", "make_rules"]

LEVELS = 128
"""More than the deepest level of a part in composites."""


def fit_size(values: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    """The first `size` values, filled up with `fill` if there are fewer."""
    result = np.full(size, fill, values.dtype)
    result[: min(size, len(values))] = values[:size]
    return result


def find_allowed(grammar: Grammar, fields: tuple[str, ...] | None) -> NDArray[np.bool_]:
    """(V,) which tokens may take part in composites: the fusible ones of `fields`, or of all."""
    chosen = [fields is None or field in fields for field in grammar.part_fields]
    # composites are made of events: no token of a header takes part
    chosen[: grammar.header_parts] = [False] * grammar.header_parts
    # (parts + 1,) the last entry is for tokens that belong to no part
    parts = np.array([*chosen, False])
    place = np.where(grammar.place >= 0, grammar.place, len(chosen)).astype(np.int64)
    result: NDArray[np.bool_] = grammar.fusible & parts[place]
    return result


def count_ids(model: CompositeModel, grammar: Grammar) -> int:
    """The number of ids, the model's included."""
    return max(len(grammar.place), int(model.ids.max(initial=-1)) + 1)


def make_base(model: CompositeModel, grammar: Grammar) -> Any:
    """The kernels' `Base`."""
    from domaintoolkit.composite.kernels.sets import Base

    size, fusible = count_ids(model, grammar), find_allowed(grammar, model.fields)
    level = np.zeros(size, np.int16)
    level[model.levels[:, 0]] = model.levels[:, 1]
    return Base(
        fit_size(grammar.place, size, Place.OTHER), fit_size(grammar.start, size, 0), fit_size(fusible, size, 0), level
    )


def make_rules(model: CompositeModel, order: NDArray[np.int64], continues: NDArray[np.bool_]) -> Any:
    """The kernels' `MergeRules`, in this order of preference."""
    from domaintoolkit.composite.kernels.compilation import loop
    from domaintoolkit.composite.kernels.greedy import MergeRules
    from domaintoolkit.composite.kernels.merge_table import fill_table

    # (n, 4), and (V,) a bit for each partner's id modulo 64
    merges, partners = np.ascontiguousarray(model.merges[order]), np.zeros(len(continues), np.uint64)
    # a filter of one hash: a bit that is 0 rules a partner out, a bit that is 1 proves nothing, since ids share it.
    # `at` is unbuffered; indexed `|=` would keep one partner of each token
    for own, other in ((0, 1), (1, 0)):
        np.bitwise_or.at(partners, merges[:, own], np.uint64(1) << (merges[:, other] & 63).astype(np.uint64))
    deep = bool(len(model.levels))
    return MergeRules(loop(fill_table)(merges), merges, model.weights[order], partners, continues, deep)


def find_leads(model: CompositeModel, grammar: Grammar) -> NDArray[np.int32]:
    """(V,) the first event part that each token begins; for a token that begins none, a number above all parts.

    Among these tokens, the numbers rise by part, then by level.
    """
    size = count_ids(model, grammar)
    part = fit_size(grammar.place, size, Place.OTHER).astype(np.int32) - grammar.header_parts
    level = np.zeros(size, np.int32)
    level[model.levels[:, 0]] = model.levels[:, 1]
    # (V,) above every part: continuation tokens in the order of (part, level)
    after = grammar.event_parts + np.maximum(part, 0) * LEVELS + np.clip(level, 0, LEVELS - 1)
    result = np.where(fit_size(grammar.start, size, 0), part, after).astype(np.int32)
    if len(model):
        tokens, _, offsets = model.flat_pieces
        # (composites,) the first part among the pieces of each; none is empty, which `reduceat` would get wrong
        result[model.ids] = np.minimum.reduceat(result[tokens], offsets[:-1])
    return result


def make_pieces(model: CompositeModel, grammar: Grammar) -> tuple[Any, NDArray[np.int64]]:
    """The kernels' `Pieces`, and (V,) the number of base tokens that each token stands for."""
    from domaintoolkit.composite.kernels.expansion import Pieces

    size = count_ids(model, grammar)
    tokens, events, offsets = model.flat_pieces
    # (V,) each: a base token has no number, and is one piece
    number, lengths = np.full(size, -1, np.int32), np.ones(size, np.int64)
    number[model.ids], lengths[model.ids] = np.arange(len(model)), np.diff(offsets)
    fills = fit_size(grammar.fills, size, 1)
    pieces = Pieces(number, offsets, tokens, events, fills, grammar.header_parts, grammar.event_parts)
    return pieces, lengths
