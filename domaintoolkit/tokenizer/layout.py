"""Fitted encoders and the vocabulary of their tokens, bound together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite import (
    CompositeModel,
    Segmenter,
    StreamArrays,
    composite_keys,
    composite_names,
    extend,
    learn,
)
from domaintoolkit.encoders import BYTES, Anchor, Encoder, TimestampEncoder
from domaintoolkit.errors import VocabularyError
from domaintoolkit.grammar import FieldParts, Grammar
from domaintoolkit.schema import Composite, Schema
from domaintoolkit.streams.streams import id_type
from domaintoolkit.times import ZoneTable, zone_table
from domaintoolkit.vocabulary import (
    Token,
    Vocabulary,
    byte_tokens,
    grammar_of,
    slot_identity,
    slot_tokens,
    special_tokens,
)

__all__ = ["Bound", "Layout"]


_Part = tuple[str, str | None, Encoder | Anchor]
"""The kind of an encoder's tokens, its field, and the encoder."""

SPECIALS = len(special_tokens())
BOS_ID, SESSION_ID = ([token.key for token in special_tokens()].index(key) for key in ("BOS", "SESSION"))


@dataclass(frozen=True, eq=False)
class Bound:
    """One encoder with the ids of its slots: `ids[slot]`, and `ids[-1 - b]` for byte b."""

    name: str | None
    """The field; None is the anchor."""
    kind: str
    """`field`, `static` or `anchor`: the kind of its tokens."""
    encoder: Encoder | Anchor
    ids: NDArray[np.int64]
    first_place: int
    """The place of its first part."""

    @property
    def field(self) -> Encoder:
        """The encoder of a field."""
        assert isinstance(self.encoder, Encoder)
        return self.encoder

    def slot_table(self, size: int) -> NDArray[np.int32]:
        """(size,) the slot of every id of a vocabulary, and a number below -BYTES for those of other fields."""
        table = np.full(size, -BYTES - 1, np.int32)
        count = len(self.ids) - BYTES
        table[self.ids[:count]] = np.arange(count)
        table[self.ids[count:]] = np.arange(-BYTES, 0)
        return table


@dataclass(frozen=True, eq=False)
class Layout:
    """A schema, a fitted encoder for each of its fields, and the vocabulary of all their tokens."""

    schema: Schema
    static: tuple[Encoder, ...]
    fields: tuple[Encoder, ...]
    anchor: Anchor | None
    given: Vocabulary | None
    """The vocabulary of the ids; None if it has not been made from the encoders yet."""
    zone: ZoneTable
    """The zone of times that do not name one."""
    composites: CompositeModel | None = None
    ordered: bool = False
    """True if the tokens are in the order of the encoders' slots, as after the first fit."""

    def __post_init__(self) -> None:
        if self.ordered and self.given is not None:
            wanted = _size(list(_parts(self.schema, self.static, self.fields, self.anchor)))
            if len(self.given) != wanted:
                raise ValueError(f"{len(self.given)} tokens, but the encoders have {wanted}")

    @classmethod
    def build(
        cls, schema: Schema, static: tuple[Encoder, ...], fields: tuple[Encoder, ...], anchor: Anchor | None
    ) -> Layout:
        """A layout with its own vocabulary, which is made when it is first asked for: ids need no names."""
        return cls(schema, static, fields, anchor, None, zone_table(schema.zone), ordered=True)

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """All tokens and their ids."""
        if self.given is not None:
            return self.given
        return Vocabulary(_tokens(self.schema, self.static, self.fields, self.anchor))

    @property
    def size(self) -> int:
        """The number of tokens."""
        if self.given is not None:
            return len(self.given)
        return _size(list(_parts(self.schema, self.static, self.fields, self.anchor)))

    def extend(self, static: tuple[Encoder, ...], fields: tuple[Encoder, ...], anchor: Anchor | None) -> Layout:
        """The same with encoders that have more slots; existing ids stay the same."""
        known = {token.identity for token in self.vocabulary}
        fresh = [token for token in _tokens(self.schema, static, fields, anchor) if token.identity not in known]
        return Layout(self.schema, static, fields, anchor, self.vocabulary.extend(fresh), self.zone, self.composites)

    def learn_composites(self, streams: StreamArrays, spec: Composite, memory: int | None = None) -> Layout:
        """The same with composites learned from base streams, or further ones if it has some already.

        Raises `MemoryLimitError` if counting pairs takes more than about `memory` bytes.
        """
        size = len(self.vocabulary)
        if self.composites is None:
            model = learn(streams, self.grammar, spec, size, memory=memory)
            merged = Vocabulary([*self.vocabulary, *self._composite_tokens(model, 0)])
            vocabulary = merged if len(self.vocabulary.generations) == 1 else self.vocabulary.extend(merged.tokens)
        else:
            model = extend(self.composites, streams, self.grammar, spec, size, memory=memory)
            vocabulary = self.vocabulary.extend(self._composite_tokens(model, len(self.composites)))
        return replace(self, given=vocabulary, composites=model, ordered=False)

    def _composite_tokens(self, model: CompositeModel, first: int) -> list[Token]:
        """The tokens of the merges from number `first` on."""
        names = composite_names(model, self.vocabulary.names, self.grammar)
        keys = composite_keys(model)
        return [Token("composite", None, keys[k], names[k], 0, False) for k in range(first, len(model))]

    @cached_property
    def bound(self) -> tuple[Bound, ...]:
        """Every encoder with its ids, in the order of the stream: static, anchor, fields."""
        parts = list(_parts(self.schema, self.static, self.fields, self.anchor))
        ids = _count_ids(parts) if self.ordered else _look_up_ids(parts, self.vocabulary)
        made, place = [], 0
        for (kind, name, encoder), own in zip(parts, ids, strict=True):
            made.append(Bound(name, kind, encoder, own, place))
            place += len(encoder.parts)
        return tuple(made)

    @property
    def bos(self) -> int:
        """The id of the token that begins every stream."""
        return BOS_ID if self.ordered else _special(self.vocabulary, "BOS")

    @property
    def session(self) -> int:
        """The id of the token that begins a session."""
        return SESSION_ID if self.ordered else _special(self.vocabulary, "SESSION")

    @cached_property
    def header(self) -> tuple[Bound, ...]:
        """The encoders of the header: static fields, then the anchor."""
        return tuple(bound for bound in self.bound if bound.kind != "field")

    @cached_property
    def events(self) -> tuple[Bound, ...]:
        """The encoders of an event's fields."""
        return tuple(bound for bound in self.bound if bound.kind == "field")

    @cached_property
    def grammar(self) -> Grammar:
        """The grammar of this vocabulary's streams."""
        header = [_field_parts(bound) for bound in self.header]
        return grammar_of(self.vocabulary, header, [_field_parts(bound) for bound in self.events])

    @cached_property
    def zones(self) -> dict[str, ZoneTable]:
        """The saved zone of every column that holds times."""
        specs = zip((*self.schema.static, *self.schema.fields), (*self.static, *self.fields), strict=True)
        found = {spec.name: encoder.zone for spec, encoder in specs if isinstance(encoder, TimestampEncoder)}
        return found if self.schema.time is None else found | {self.schema.time: self.zone}

    @property
    def no_delta(self) -> int | None:
        """The id of the delta token of a history's first event; None without deltas."""
        for bound in self.events:
            if bound.name == self.schema.time and isinstance(bound.encoder, TimestampEncoder):
                return None if bound.encoder.no_delta is None else int(bound.ids[bound.encoder.no_delta])
        return None

    @cached_property
    def segmenter(self) -> Segmenter | None:
        """Converts base streams to streams with composites, and back; None without composites."""
        return None if self.composites is None else Segmenter(self.composites, self.grammar)

    @cached_property
    def id_type(self) -> np.dtype[np.unsignedinteger[Any]]:
        """The integer type of ids."""
        return id_type(self.size)


def _special(vocabulary: Vocabulary, key: str) -> int:
    """The id of a special token, which is one of the first; the grammar, which reads all tokens, is not needed."""
    return next(number for number, token in enumerate(vocabulary) if token.kind == "special" and token.key == key)


def _field_parts(bound: Bound) -> FieldParts:
    names = tuple(bound.encoder.parts)
    return FieldParts(bound.name, len(names), names if len(names) > 1 else ())


def _look_up_ids(parts: list[_Part], vocabulary: Vocabulary) -> list[NDArray[np.int64]]:
    """The ids of each encoder's slots, and of the bytes from the last to the first, in a vocabulary."""
    ids = {token.identity: number for number, token in enumerate(vocabulary)}
    try:
        shared = [ids["byte", None, f"{byte:02x}"] for byte in range(BYTES - 1, -1, -1)]
        return [
            np.array([*(ids[slot_identity(name, slot, kind)] for slot in encoder.slots), *shared], np.int64)
            for kind, name, encoder in parts
        ]
    except KeyError as error:
        raise VocabularyError(f"the vocabulary lacks a token of the tokenizer: {error}") from None


def _pieces(encoder: Encoder | Anchor) -> NDArray[np.bool_]:
    return encoder.pieces if isinstance(encoder, Encoder) else np.zeros(len(encoder.slots), bool)


def _size(parts: list[_Part]) -> int:
    """The number of tokens of the encoders, with the special ones and the bytes."""
    return SPECIALS + BYTES + sum(len(_pieces(encoder)) for _, _, encoder in parts)


def _count_ids(parts: list[_Part]) -> list[NDArray[np.int64]]:
    """The same for tokens in the order of `_tokens`, by counting, without looking any up."""
    piece = [_pieces(encoder) for _, _, encoder in parts]
    # the next id of a token that is not a piece, and of one that is: pieces come after the bytes
    own, pieces = SPECIALS, SPECIALS + BYTES + sum(int((~flags).sum()) for flags in piece)
    # the bytes lie right before the pieces; from the last to the first, as `Bound.ids` has them
    shared = np.arange(pieces - 1, pieces - 1 - BYTES, -1)
    made = []
    for flags in piece:
        ids = np.where(flags, pieces - 1 + np.cumsum(flags), own - 1 + np.cumsum(~flags))  # (slots,)
        made.append(np.concatenate([ids, shared]))
        own, pieces = own + int((~flags).sum()), pieces + int(flags.sum())
    return made


def _parts(
    schema: Schema, static: tuple[Encoder, ...], fields: tuple[Encoder, ...], anchor: Anchor | None
) -> Iterator[_Part]:
    for spec, encoder in zip(schema.static, static, strict=True):
        yield "static", spec.name, encoder
    if anchor is not None:
        yield "anchor", None, anchor
    for spec, encoder in zip(schema.fields, fields, strict=True):
        yield "field", spec.name, encoder


def _tokens(
    schema: Schema, static: tuple[Encoder, ...], fields: tuple[Encoder, ...], anchor: Anchor | None
) -> list[Token]:
    """Special tokens, those of the header and of the fields, the bytes, and last the pieces of text."""
    own: list[Token] = []
    pieces: list[Token] = []
    for kind, name, encoder in _parts(schema, static, fields, anchor):
        tokens = slot_tokens(name, encoder.slots, kind)
        learned = _pieces(encoder)
        if not learned.any():
            own += tokens
            continue
        own += (token for token, piece in zip(tokens, learned, strict=True) if not piece)
        pieces += (token for token, piece in zip(tokens, learned, strict=True) if piece)
    return [*special_tokens(), *own, *byte_tokens(), *pieces]
