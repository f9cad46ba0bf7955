"""Decoding: values that are drawn, and second times."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.schema import Categorical, Numeric, Schema, Timestamp
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


DAYS = st.integers(-30_000, 60_000)
PARTS = st.sets(st.sampled_from(["year", "month", "day", "weekday", "hour", "minute"]), min_size=1).map(tuple)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pa.timestamp("us", "UTC"), pa.timestamp("s"), pa.date32()], ids=str)
@given(
    st.lists(st.tuples(DAYS, st.integers(-4, 4) | st.none(), st.integers(0, 86_399)), min_size=1, max_size=6),
    PARTS,
    st.sampled_from(["UTC", "Europe/Berlin"]),
)
def test_a_second_time_comes_back_near_the_first(
    kind: pa.DataType, drawn: list[tuple[int, int | None, int]], parts: tuple[str, ...], zone: str
) -> None:
    seconds = [day * 86_400 + second for day, _, second in drawn]
    posted = [None if later is None else (day + later) * 86_400 + second for day, later, second in drawn]
    second = pa.array(posted, pa.int64()).cast(pa.timestamp("s")).cast(kind)
    table = pa.table({
        "user": list(range(len(drawn))),
        "at": pa.array(seconds).cast(pa.timestamp("s", "UTC")),
        "posted": second,
    })  # fmt: skip
    fields = (Timestamp("posted", parts=parts, zone=zone), Timestamp("at", parts=("month", "day", "hour")))
    tokenizer = DomainTokenizer(Schema(entity="user", time="at", fields=fields), threads=1)
    streams = tokenizer.fit_encode(table)
    decoded = tokenizer.decode(streams)
    assert np.array_equal(tokenizer.encode(decoded).ids, streams.ids)
    days = lambda column: column.cast(pa.timestamp("s", None)).cast(pa.int64()).to_pylist()  # noqa: E731
    first, found = days(decoded["at"]), days(decoded["posted"])
    assert [value is None for value in found] == [value is None for value in posted]
    for at, then, sent, (_, later, _) in zip(first, found, seconds, drawn, strict=True):
        if then is not None and later is not None:
            # the first time is known to its hour, and a date begins at midnight
            assert abs(then - at) <= abs(later) * 86_400 + abs(at - sent) + 2 * 86_400


def test_a_second_time_without_a_year_is_of_the_year_of_its_event() -> None:
    table = {"user": [1, 1], "at": ["2013-12-30", "2014-03-01"], "posted": ["2014-01-02", "2014-02-27"]}
    fields = (Timestamp("posted", parts=("month", "day")), Timestamp("at", parts=("month", "day")))
    tokenizer = DomainTokenizer(Schema(entity="user", time="at", fields=fields))
    decoded = tokenizer.decode(tokenizer.fit_encode(table))
    assert [text[:10] for text in decoded["posted"].to_pylist()] == ["2014-01-02", "2014-02-27"]
