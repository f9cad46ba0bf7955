"""Histories of a made-up world whose entropy is known: [BOS] [static] ( [SESSION]? a b )*, a of 4 values, b spelled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from domaintoolkit.grammar import Place, Syntax
from domaintoolkit.grammar.grammar import events_begun

BOS, SESSION, STATIC, PIECE = 0, 1, 2, 3
A, B, SPELL, BYTE = 4, 8, 12, 13


def world_syntax() -> Syntax:
    place = np.full(BYTE + 256, Place.BYTE, np.int16)
    place[[BOS, SESSION, STATIC, PIECE]] = Place.BOS, Place.SESSION, 0, 2
    place[A:B], place[B : SPELL + 1] = 1, 2
    start = np.zeros(BYTE + 256, np.bool_)
    start[A : SPELL + 1] = start[STATIC] = True
    return Syntax(
        header_parts=1,
        event_parts=2,
        part_names=("country", "a", "b"),
        place=place,
        start=start,
        fills=start.astype(np.int16),
        fusible=np.zeros(BYTE + 256, np.bool_),
        events_in=events_begun(place, start, 1),
    )


@dataclass
class World:
    ids: Any
    offsets: Any
    entities: Any
    events: Any

    @property
    def rows(self) -> Any:
        return np.arange(len(self.entities))

    @property
    def lost(self) -> Any:
        return np.zeros(len(self.entities), np.int64)


def world(seed: int, histories: int, events: int = 20, order: float = 0.0, spelled: float = 0.1) -> World:
    """`order` is the probability that a is one more than the last a; otherwise it is drawn at random."""
    generator = np.random.default_rng(seed)
    ids: list[int] = []
    offsets = [0]
    for _ in range(histories):
        ids += [BOS, STATIC]
        value = 0
        for number in range(events):
            ids += [SESSION] if number and generator.random() < 0.2 else []
            follows = number and generator.random() < order
            value = (value + 1) % 4 if follows else int(generator.integers(4))
            ids += [A + value]
            word = bytes([97 + int(generator.integers(3))] * 3)
            ids += [SPELL, *(BYTE + byte for byte in word)] if generator.random() < spelled else [B + value]
        offsets.append(len(ids))
    entities = seed * 1_000 + np.arange(histories)
    return World(np.array(ids, np.uint16), np.array(offsets), entities, np.full(histories, events))
