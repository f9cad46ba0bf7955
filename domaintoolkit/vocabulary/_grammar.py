"""`Grammar`: which place in a stream each token of a vocabulary has, as arrays indexed by id."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders._base import BYTES
from domaintoolkit.errors import VocabularyError
from domaintoolkit.vocabulary._token import ANCHOR, Token

__all__ = ["BOS", "BYTE", "COMPOSITE", "OTHER", "PAD", "SESSION", "FieldParts", "Grammar"]

BYTE, BOS, PAD, SESSION, COMPOSITE, OTHER = -1, -2, -3, -4, -5, -6
SPECIAL = {"BOS": BOS, "PAD": PAD, "SESSION": SESSION}


@dataclass(frozen=True, slots=True)
class FieldParts:
    """One field of the header or of an event (None is the anchor): how many parts, and their names if they have any."""

    field: str | None
    parts: int = 1
    names: tuple[str, ...] = ()

    def titles(self) -> list[str]:
        """`brand` for the only part of a field, otherwise `event_time.weekday`, or `event_time.0` without names."""
        head = ANCHOR if self.field is None else self.field
        if self.parts == 1 and not self.names:
            return [head]
        names = self.names or tuple(map(str, range(self.parts)))
        return [f"{head}.{name}" for name in names]


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """How the streams of a vocabulary of V tokens parse.

    history = [BOS] header event*
    header  = one sequence in each header part
    event   = [SESSION]? one sequence in each event part
    sequence = one start token of the part, then continuation tokens of that part and bytes; after a token that
               fills several parts, the sequences of the others are empty
    """

    header_parts: int
    event_parts: int
    place: NDArray[np.int16]
    """(V,) the part of each token, header parts first, then event parts; or BYTE, BOS, PAD, SESSION, COMPOSITE, OTHER.

    The bytes belong to every part, and tokens of place OTHER to no stream.
    """
    start: NDArray[np.bool_]
    """(V,) whether the token begins its part."""
    fills: NDArray[np.int16]
    """(V,) how many parts a start token fills: 1, or all of its field's where it stands for the whole field; else 0."""
    fusible: NDArray[np.bool_]
    """(V,) whether the token may stand for a value by itself; composites hold such tokens of event parts."""
    part_names: tuple[str, ...]
    part_fields: tuple[str | None, ...]
    bos: int
    pad: int
    session: int
    bytes: NDArray[np.int64]
    """(256,) the id of each byte."""

    @classmethod
    def of(cls, tokens: Iterable[Token], header: Sequence[FieldParts], events: Sequence[FieldParts]) -> Grammar:
        """The grammar of a vocabulary's tokens, with the fields of the header and of an event in their order.

        Raises `VocabularyError` where a token belongs to no field, or a special token or a byte is missing.
        """
        tokens = tuple(tokens)
        layout = [*header, *events]
        places = _places(layout)
        place = np.fromiter((_place(token, places) for token in tokens), np.int16, len(tokens))
        start = np.fromiter((token.start for token in tokens), np.bool_, len(tokens))
        fusible = np.fromiter((token.fusible for token in tokens), np.bool_, len(tokens))
        headers = sum(entry.parts for entry in header)
        ids = _shared(tokens)
        return cls(
            header_parts=headers,
            event_parts=sum(entry.parts for entry in events),
            place=place,
            start=start & (place >= 0),
            fills=np.where(start & (place >= 0), _fills(tokens, layout), 0).astype(np.int16),
            fusible=fusible & (place >= 0),
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
            return BYTE
        case "special":
            return SPECIAL.get(token.key, OTHER)
        case "composite":
            return COMPOSITE
        case "custom":
            return OTHER
    try:
        return places[token.field, token.part]
    except KeyError:
        where = f"part {token.part} of field {token.field!r}"
        raise VocabularyError(f"token {token.name} is of {where}, which is not there") from None


def _fills(tokens: Sequence[Token], layout: Sequence[FieldParts]) -> NDArray[np.int16]:
    parts = {entry.field: entry.parts for entry in layout}
    return np.array([parts.get(token.field, 1) if token.whole else 1 for token in tokens], np.int16)


def _shared(tokens: Sequence[Token]) -> dict[tuple[str, str], int]:
    ids = {(token.kind, token.key): number for number, token in enumerate(tokens) if token.kind in ("special", "byte")}
    wanted = [*(("special", key) for key in SPECIAL), *(("byte", f"{byte:02x}") for byte in range(BYTES))]
    missing = [f"{kind} {key}" for kind, key in wanted if (kind, key) not in ids]
    if missing:
        raise VocabularyError(f"a grammar needs these tokens too: {', '.join(missing)}")
    return ids
