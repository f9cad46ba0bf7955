"""The grammar of a vocabulary: its tokens as the arrays of a `Grammar`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.errors import VocabularyError
from domaintoolkit.grammar.grammar import FieldParts, Grammar, events_begun
from domaintoolkit.grammar.places import BYTES, Place
from domaintoolkit.vocabulary.token import Token

__all__ = ["grammar_of"]

SPECIAL = {"BOS": Place.BOS, "PAD": Place.PAD, "SESSION": Place.SESSION}
"""Places of the special tokens by their keys."""


def grammar_of(tokens: Iterable[Token], header: Sequence[FieldParts], events: Sequence[FieldParts]) -> Grammar:
    """The grammar of a vocabulary's tokens, with the fields of the header and of an event in their order.

    Raises `VocabularyError` if a token belongs to no field, or if a special token or a byte is missing.
    """
    tokens = tuple(tokens)
    layout = [*header, *events]
    places = _places(layout)
    # (V,) each
    place = np.fromiter((_place(token, places) for token in tokens), np.int16, len(tokens))
    # special and custom tokens are built with `start` True, but begin no part
    start = np.fromiter((token.start for token in tokens), np.bool_, len(tokens)) & (place >= 0)
    fusible = np.fromiter((token.fusible for token in tokens), np.bool_, len(tokens))
    headers = sum(entry.parts for entry in header)
    ids = _find_shared(tokens)
    return Grammar(
        header_parts=headers,
        event_parts=sum(entry.parts for entry in events),
        place=place,
        start=start,
        fills=np.where(start, _fills(tokens, layout), 0).astype(np.int16),
        fusible=fusible & (place >= 0),
        events_in=events_begun(place, start, headers),
        part_names=tuple(title for entry in layout for title in entry.titles()),
        part_fields=tuple(entry.field for entry in layout for _ in range(entry.parts)),
        bos=ids["special", "BOS"],
        pad=ids["special", "PAD"],
        session=ids["special", "SESSION"],
        bytes=np.array([ids["byte", f"{byte:02x}"] for byte in range(BYTES)], np.int64),
    )


def _places(layout: Sequence[FieldParts]) -> dict[tuple[str | None, int], int]:
    """The place of each (field, part)."""
    places: dict[tuple[str | None, int], int] = {}
    for entry in layout:
        if (entry.field, 0) in places:
            raise VocabularyError(f"field {entry.field!r} is listed twice")
        if entry.parts < 1 or (entry.names and len(entry.names) != entry.parts):
            raise VocabularyError(f"field {entry.field!r} has {entry.parts} parts, and the names {entry.names}")
        first = len(places)
        places |= {(entry.field, part): first + part for part in range(entry.parts)}
    return places


def _place(token: Token, places: dict[tuple[str | None, int], int]) -> int:
    match token.kind:
        case "byte":
            return Place.BYTE
        case "special":
            return SPECIAL.get(token.key, Place.OTHER)
        case "composite":
            return Place.COMPOSITE
        case "custom":
            return Place.OTHER
    try:
        return places[token.field, token.part]
    except KeyError:
        part = f"part {token.part} of field {token.field!r}"
        raise VocabularyError(f"token {token.name} belongs to {part}, which the schema does not have") from None


def _fills(tokens: Sequence[Token], layout: Sequence[FieldParts]) -> NDArray[np.int16]:
    parts = {entry.field: entry.parts for entry in layout}
    return np.array([parts.get(token.field, 1) if token.whole else 1 for token in tokens], np.int16)


def _find_shared(tokens: Sequence[Token]) -> dict[tuple[str, str], int]:
    ids = {(token.kind, token.key): number for number, token in enumerate(tokens) if token.kind in ("special", "byte")}
    wanted = [*(("special", key) for key in SPECIAL), *(("byte", f"{byte:02x}") for byte in range(BYTES))]
    missing = [f"{kind} {key}" for kind, key in wanted if (kind, key) not in ids]
    if missing:
        raise VocabularyError(f"a grammar also needs these tokens: {', '.join(missing)}")
    return ids
