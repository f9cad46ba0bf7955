"""Histories with sequences of symbols, whose encoder comes from a plugin, are generated and always decode."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pytest
import torch

import domaintoolkit as dt
from domaintoolkit.generate import Generator
from domaintoolkit.model import EventModel, TokenModel, event_preset, preset


class Way(dt.SymbolEncoder, name="way"):
    @classmethod
    def split(cls, text: str) -> Sequence[str]:
        return text.split(">")

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return ">".join(symbols)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["event", "token"])
def test_generated_sequences_decode_and_encode_to_themselves(family: Literal["event", "token"]) -> None:
    schema = dt.Schema(
        entity="user", fields=[dt.Custom("way", encoder="way", options={"min_count": 2}), dt.Categorical("page")]
    )
    table = {"user": [1, 1, 2], "way": ["a>b>c", "a>b", "c>a>b>a"], "page": ["x", "y", "x"]}
    tokenizer = dt.DomainTokenizer(schema, [Way.encoder_type]).fit(table)
    torch.manual_seed(0)
    size, hashed = len(tokenizer.vocabulary), tokenizer.vocabulary.hash
    made = (
        EventModel(event_preset("54k", size), tokenizer.grammar, hashed)
        if family == "event"
        else TokenModel(preset("54k", size, block=512), tokenizer.grammar, hashed)
    )
    ids, offsets = Generator(made, tokenizer)(12, events=3)
    rows = tokenizer.decode(ids, offsets)
    assert np.array_equal(tokenizer.encode(rows).ids, ids)
    assert max((way or "").count(">") for way in rows["way"].to_pylist()) >= 2
