"""What the compiled loops look up: arrays by id, made from a grammar and a model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite.composite_model import CompositeModel
from domaintoolkit.grammar import Grammar, Place

__all__ = ["allowed", "base_table", "leads", "piece_table", "rule_table", "sized", "total_size"]

LEVELS = 128
"""More than the deepest level of a part that may take part."""


def sized(values: NDArray[Any], size: int, fill: int) -> NDArray[Any]:
    """The first `size` values; `fill` stands behind them where there are fewer."""
    result = np.full(size, fill, values.dtype)
    result[: min(size, len(values))] = values[:size]
    return result


def allowed(grammar: Grammar, fields: tuple[str, ...] | None) -> NDArray[np.bool_]:
    """(V,) which tokens may take part in composites: the fusible ones of `fields`, or of all."""
    chosen = [fields is None or field in fields for field in grammar.part_fields]
    chosen[: grammar.header_parts] = [False] * grammar.header_parts
    parts = np.array([*chosen, False])
    place = np.where(grammar.place >= 0, grammar.place, len(chosen)).astype(np.int64)
    result: NDArray[np.bool_] = grammar.fusible & parts[place]
    return result


def total_size(model: CompositeModel, grammar: Grammar) -> int:
    """How many ids there are, with the model's."""
    return max(len(grammar.place), int(model.ids.max(initial=-1)) + 1)


def base_table(model: CompositeModel, grammar: Grammar) -> Any:
    """The kernels' `Base`."""
    from domaintoolkit.composite.kernels.sets import Base

    size, fusible = total_size(model, grammar), allowed(grammar, model.fields)
    level = np.zeros(size, np.int16)
    level[model.levels[:, 0]] = model.levels[:, 1]
    return Base(sized(grammar.place, size, Place.OTHER), sized(grammar.start, size, 0), sized(fusible, size, 0), level)


def rule_table(model: CompositeModel, order: NDArray[np.int64], continues: NDArray[np.bool_]) -> Any:
    """The kernels' `Rules`, in this order of preference."""
    from domaintoolkit.composite.kernels.greedy import Rules
    from domaintoolkit.composite.kernels.merge_table import fill_table

    merges, partners = np.ascontiguousarray(model.merges[order]), np.zeros(len(continues), np.uint64)
    for own, other in ((0, 1), (1, 0)):
        np.bitwise_or.at(partners, merges[:, own], np.uint64(1) << (merges[:, other] & 63).astype(np.uint64))
    deep = bool(len(model.levels))
    return Rules(fill_table(merges), merges, model.weights[order], partners, continues, deep)


def leads(model: CompositeModel, grammar: Grammar) -> NDArray[np.int32]:
    """(V,) the first event part that each token begins; of a token that begins none, a number above all parts.

    Among these, parts and levels rise.
    """
    size = total_size(model, grammar)
    part = sized(grammar.place, size, Place.OTHER).astype(np.int32) - grammar.header_parts
    level = np.zeros(size, np.int32)
    level[model.levels[:, 0]] = model.levels[:, 1]
    behind = grammar.event_parts + np.maximum(part, 0) * LEVELS + np.clip(level, 0, LEVELS - 1)
    result = np.where(sized(grammar.start, size, 0), part, behind).astype(np.int32)
    if len(model):
        tokens, _, offsets = model.flat_pieces
        result[model.ids] = np.minimum.reduceat(result[tokens], offsets[:-1])
    return result


def piece_table(model: CompositeModel, grammar: Grammar) -> tuple[Any, NDArray[np.int64]]:
    """The kernels' `Pieces`, and (V,) how many base tokens each token stands for."""
    from domaintoolkit.composite.kernels.expansion import Pieces

    size = total_size(model, grammar)
    tokens, events, offsets = model.flat_pieces
    number, lengths = np.full(size, -1, np.int32), np.ones(size, np.int64)
    number[model.ids], lengths[model.ids] = np.arange(len(model)), np.diff(offsets)
    fills = sized(grammar.fills, size, 1)
    pieces = Pieces(number, offsets, tokens, events, fills, grammar.header_parts, grammar.event_parts)
    return pieces, lengths
