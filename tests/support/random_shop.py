"""Tables, schemas and untrained models for the tests of generation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st

import domaintoolkit as dt
from domaintoolkit.generate import Generator
from domaintoolkit.model import EventModel, TokenModel, event_preset, preset

__all__ = ["FAMILIES", "PARTS", "generator_of", "schemas", "table"]

PARTS = st.lists(st.sampled_from(["year", "month", "day", "weekday", "hour", "minute"]), unique=True, max_size=4)


FAMILIES: dict[str, dict[str, Any]] = {
    "token": {},
    "event, fields independent": {"event": True, "sequential": False},
    "event": {"event": True, "position": "rope"},
    "composites": {"composites": True},
}


def table(seed: int, count: int = 60) -> dict[str, Any]:
    generator = np.random.default_rng(seed)
    seconds = 1_569_888_000 + generator.integers(0, 90 * 86_400, count) // 3_600 * 3_600
    pick = [generator.integers(0, 4, count) for _ in range(3)]
    return {
        "user": generator.integers(0, 6, count) // 2 * 2,
        "at": seconds,
        "brand": [["samsung", "", "xiaomi", None][at] for at in pick[0]],
        "category": [["a.phone", "a.tv", "home", "home.kitchen.pan"][at] for at in pick[1]],
        "note": [["hello world", "ça va bien", "grüße 😀", ""][at] for at in pick[2]],
        "price": generator.exponential(50, count),
        "number": generator.integers(0, 9, count),
        "visit": generator.integers(0, 3, count),
    }


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    fields = [
        dt.Categorical("brand", max_size=draw(st.integers(1, 3)), unseen=draw(st.sampled_from(["spell", "hash"]))),
        dt.Categorical("category", separator="."),
        dt.Numeric("price", bins=4, sign=draw(st.booleans()), refine=draw(st.integers(1, 3))),
        dt.Categorical("number", max_size=3),
        dt.Text("note", vocabulary_size=20, model=draw(st.sampled_from(["bpe", "unigram"]))),
    ]
    fields = draw(st.lists(st.sampled_from(fields), unique=True, max_size=3))
    timed = draw(st.booleans()) or not fields
    if timed:
        zone = draw(st.sampled_from(["UTC", "Europe/Paris", "Pacific/Apia"]))
        parts, delta = tuple(draw(PARTS)), draw(st.booleans())
        stamp = dt.Timestamp("at", parts=parts or ("hour",), delta=delta, zone=zone)
        fields.insert(draw(st.integers(0, len(fields))), stamp)
    sessions = draw(st.sampled_from([{}, {"session": "visit"}, {"session_gap": "2d"}]))
    return dt.Schema(entity="user", time="at", time_unit="s", fields=fields, **sessions)


def generator_of(
    schema: Any, seed: int = 0, event: bool = False, rows: Any = None, **changes: Any
) -> tuple[Generator, dt.DomainTokenizer]:
    """An untrained model of a tokenizer that is fitted on a table."""
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table(seed) if rows is None else rows)
    torch.manual_seed(seed)
    size, bound = len(tokenizer.vocabulary), (tokenizer.grammar, tokenizer.vocabulary.hash)
    if event:
        return Generator(
            EventModel(event_preset("54k", size, block=256, layers=1, **changes), *bound), tokenizer
        ), tokenizer
    return Generator(TokenModel(preset("54k", size, block=256, **changes), *bound), tokenizer), tokenizer
