"""A small grammar of every kind of part, and random streams of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.grammar.grammar import FieldParts, Grammar, Syntax
from domaintoolkit.vocabulary.token import Token, byte_tokens
from domaintoolkit.vocabulary.token_grammar import grammar_of

HEADER = [FieldParts("country"), FieldParts(None, 3, ("year", "month", "day"))]
EVENTS = [
    FieldParts("brand"),
    FieldParts("event_time", 3, ("weekday", "hour", "delta")),
    FieldParts("price", 2),
    FieldParts("note"),
]


def tokens() -> list[Token]:
    found = [Token("special", None, key, f"[{key}]") for key in ("PAD", "BOS", "SESSION")]
    found += [Token("static", "country", key, f"[country={key}]", fusible=True) for key in ("fr", "de", "us")]
    found += [Token("static", "country", "spell", "[country spell]")]
    for part, (word, values) in enumerate(
        (("year", (1999, 2000, 2024)), ("month", range(1, 13)), ("day", range(1, 32)))
    ):
        for value in values:
            found.append(Token("anchor", None, f"{word}={value}", f"[anchor {word}={value}]", part, fusible=True))
    found += [Token("field", "brand", f"={name}", f"[brand={name}]", fusible=True) for name in ("a", "b", "c", "d")]
    found += [Token("field", "brand", "spell", "[brand spell]")]
    for part, (word, count) in enumerate((("weekday", 7), ("hour", 24), ("delta", 6))):
        for number in range(count):
            key = f"{word}={number}"
            found.append(Token("field", "event_time", key, f"[event_time {key}]", part, fusible=True))
    found += [Token("field", "event_time", "null", "[event_time null]", whole=True)]
    found += [Token("field", "price", "null", "[price null]", whole=True, fusible=True)]
    found += [Token("field", "price", f"{n}", f"[price {n}]", fusible=True) for n in range(8)]
    found += [Token("field", "price", f"refine {n}", f"[price refine {n}]", 1, fusible=True) for n in range(3)]
    found += [Token("field", "note", key, f"[note {key}]") for key in ("null", "text")]
    found += byte_tokens()
    found += [Token("piece", "note", piece, f'[note "{piece}"]', start=False) for piece in ("x", "yz", "w")]
    return found


def grammar() -> Grammar:
    return grammar_of(tokens(), HEADER, EVENTS)


def streams(
    rules: Grammar, count: int, seed: int = 0, longest: int = 6, shortest: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[int]]:
    """(ids, offsets, events of each) of random streams that the grammar allows."""
    generator = np.random.default_rng(seed)
    out: list[int] = []
    offsets, events = [0], []
    for _ in range(count):
        out.append(rules.bos)
        out += _sequences(rules, 0, rules.header_parts, generator)
        size = int(generator.integers(shortest, longest + 1))
        for number in range(size):
            if number and generator.random() < 0.2:
                out.append(rules.session)
            out += _sequences(rules, rules.header_parts, rules.header_parts + rules.event_parts, generator)
        offsets.append(len(out))
        events.append(size)
    return np.array(out, np.int64), np.array(offsets, np.int64), events


def _sequences(rules: Grammar, place: int, end: int, generator: np.random.Generator) -> list[int]:
    out: list[int] = []
    while place < end:
        out += _sequence(rules, place, generator)
        place += next(int(rules.fills[token]) for token in reversed(out) if rules.start[token])
    return out


def _sequence(rules: Grammar, place: int, generator: np.random.Generator) -> list[int]:
    starts = np.flatnonzero((rules.place == place) & rules.start)
    first = int(generator.choice(starts))
    own = np.flatnonzero((rules.place == place) & ~rules.start)
    alone = place < rules.header_parts or bool(rules.fusible[first]) or rules.fills[first] > 1
    if not len(own) and alone:
        return [first]
    pool = np.concatenate([own, rules.bytes[97:103]])
    return [first, *map(int, generator.choice(pool, int(generator.integers(0, 4))))]


def plain_layout(size: int) -> Syntax:
    """Every token begins an event of one part."""
    ones = np.ones(size, np.bool_)
    return Syntax(0, 1, ("part",), np.zeros(size, np.int16), ones, ones.astype(np.int16), ones, np.ones(size, np.int32))
