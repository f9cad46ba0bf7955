"""Tokens as a page shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.display import COLOURS, colour_numbers
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["Chip", "chips"]

LONGEST = 48
"""Tokens of an event that are shown; a text can have thousands."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A token with the hue of its field. Specials and bytes have no field."""

    name: str
    field: str | None
    hue: int = 0
    is_hit: bool = False
    """The token is one that came."""


def chips(
    tokenizer: DomainTokenizer,
    ids: Sequence[int] | NDArray[np.integer[Any]],
    hits: frozenset[int] = frozenset(),
    most: int = LONGEST,
) -> list[Chip]:
    """Chips of the first `most` tokens, and one that counts the others."""
    colours = colour_numbers(dict.fromkeys(tokenizer.grammar.part_fields))
    found = []
    for number in [int(each) for each in ids[:most]]:
        token = tokenizer.vocabulary.token(number)
        known = token.kind in ("field", "static", "anchor", "piece") and token.field in colours
        hue = COLOURS[colours[token.field]].hue if known else 0
        found.append(Chip(token.name, (token.field or "anchor") if known else None, hue, number in hits))
    if len(ids) > most:
        found.append(Chip(f"and {len(ids) - most:,} more", None))
    return found
