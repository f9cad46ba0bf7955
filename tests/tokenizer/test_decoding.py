"""Decoding with values that are drawn."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from domaintoolkit.schema import Categorical, Numeric, Schema
from domaintoolkit.tokenizer import DomainTokenizer


def test_sampling_draws_seen_values_by_a_seed_and_encodes_to_the_same_ids() -> None:
    random = np.random.default_rng(0)
    count = 3_000
    table = pa.table(
        {
            "user": random.integers(0, 50, count),
            "at": pa.array(np.sort(random.integers(0, 10**9, count))).cast(pa.timestamp("s", "UTC")),
            "price": np.round(random.lognormal(3, 1, count), 2),
            "size": random.integers(0, 4_000, count),
            "shop": ["a"] * count,
        }
    )
    fields = (Numeric("price", bins=8), Numeric("size", bins=4, refine=3), Categorical("shop"))
    tokenizer = DomainTokenizer(Schema(entity=("user",), time="at", order_by=("shop",), fields=fields)).fit(table)
    streams = tokenizer.encode(table)
    plain, drawn = tokenizer.decode(streams), tokenizer.decode(streams, sample=True, seed=3)
    assert drawn.equals(tokenizer.decode(streams, sample=True, seed=3))
    assert not drawn.equals(tokenizer.decode(streams, sample=True, seed=4))
    assert np.array_equal(tokenizer.encode(drawn).ids, streams.ids)
    assert drawn.drop_columns(["price", "size"]).equals(plain.drop_columns(["price", "size"]))
    for name in ("price", "size"):
        assert drawn[name].type == table[name].type
        assert np.isin(drawn[name], table[name]).all()
        assert len(np.unique(drawn[name])) > 1.5 * len(np.unique(plain[name]))
