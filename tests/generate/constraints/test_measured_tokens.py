from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from random_shop import FAMILIES, generator_of

import domaintoolkit as dt
from domaintoolkit.generate import Sampling
from domaintoolkit.generate.draft import Draft


@pytest.mark.slow
@pytest.mark.parametrize("family", ["event", "token"])
def test_a_model_writes_only_buckets_of_what_is_measured(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    rows: dict[str, Any] = {
        "user": random.integers(0, 5, 300),
        "brand": [["hr", "temp", "rare", None][at] for at in random.integers(0, 4, 300)],
        "price": random.exponential(50, 300),
    }
    changed: list[Any] = []
    go_on = Draft._go_on_after
    monkeypatch.setattr(Draft, "_go_on_after", lambda self, tokens: (changed.append(tokens), go_on(self, tokens)))
    price = dt.Numeric("price", bins=6, sign=True, by="brand", by_size=2, by_min_count=50)
    schema = dt.Schema(entity="user", fields=[dt.Categorical("brand", max_size=3), price])
    generator, tokenizer = generator_of(schema, rows=rows, **FAMILIES[family])
    ids, offsets = generator(4, events=8, sampling=Sampling(seed=1))
    names = [tokenizer.vocabulary.names[token] for token in ids]
    own = {name.split()[1][:-1] for name in names if name.startswith("[price ") and ":" in name}
    assert own
    brand = ""
    for name in names:
        if name.startswith("[brand"):
            brand = name.removeprefix("[brand=").rstrip("]")
        if name.startswith("[price ") and ".." in name:
            assert (name.split()[1] == f"{brand}:") == (brand in own)
    assert not changed
    again = tokenizer.encode(tokenizer.decode(ids, offsets))
    assert again.ids.tolist() == ids.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("family", ["event", "token"])
@pytest.mark.parametrize("things", [[True, False, None], [3, 40, 500], [0.5, 2.25, None]])
def test_what_is_measured_may_be_spelled_as_another_type(family: str, things: list[Any]) -> None:
    """A model may spell "xyz" for a boolean; its numbers then get the common buckets, and all encodes again."""
    random = np.random.default_rng(0)
    rows: dict[str, Any] = {
        "user": random.integers(0, 5, 300),
        "kind": [things[at] for at in random.integers(0, 3, 300)],
        "price": random.exponential(50, 300),
    }
    price = dt.Numeric("price", bins=6, by="kind", by_size=2, by_min_count=1)
    schema = dt.Schema(entity="user", fields=[dt.Categorical("kind", max_size=1), price])
    generator, tokenizer = generator_of(schema, rows=rows, **FAMILIES[family])
    ids, offsets = generator(6, events=8, sampling=Sampling(seed=1, temperature=3.0))
    again = tokenizer.encode(tokenizer.decode(ids, offsets))
    assert again.ids.tolist() == ids.tolist()
