from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import domaintoolkit as dt
from domaintoolkit.errors import DecodeError, SchemaError, VocabularyMismatchError
from domaintoolkit.model import Generator, Sampling, TokenBatch, TokenModel, predict_next, preset

PARTS = st.lists(st.sampled_from(["year", "month", "day", "weekday", "hour", "minute"]), unique=True, max_size=4)


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
    session = draw(st.sampled_from([None, "visit"]))
    return dt.Schema(entity="user", time="at", time_unit="s", session=session, fields=fields)


def generator_of(schema: Any, seed: int = 0, **changes: Any) -> tuple[Generator, dt.DomainTokenizer]:
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table(seed))
    torch.manual_seed(seed)
    config = preset("54k", len(tokenizer.vocabulary), block=256, **changes)
    return Generator(TokenModel(config, tokenizer.grammar, tokenizer.vocabulary.hash), tokenizer), tokenizer


@settings(max_examples=10)
@given(schemas(), st.integers(0, 99), st.sampled_from([0.3, 1.0, 3.0]))
def test_an_untrained_model_writes_histories_that_decode(schema: Any, seed: int, temperature: float) -> None:
    generator, tokenizer = generator_of(schema, seed % 3)
    ids, offsets = generator(3, events=3, sampling=Sampling(temperature=temperature, seed=seed))
    found = tokenizer.decode(ids, offsets)
    endless = all("year" not in getattr(field, "parts", ()) for field in schema.fields)
    assert found.num_rows == 9 if endless else found.num_rows <= 9
    times = found["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    entity = found["user"].to_numpy()
    assert (np.diff(times)[np.diff(entity) == 0] >= 0).all()
    streams = tokenizer.encode(table(seed % 3))
    longer, ends = generator([streams[0], streams[1]], events=2, sampling=Sampling(seed=seed))
    assert longer[: len(streams[0])].tolist() == streams[0].tolist()
    before = np.diff(streams.event_offsets)[:2]
    rows = tokenizer.decode(longer, ends)["user"].to_numpy()
    assert (np.bincount(rows) <= before + 2).all()
    assert (np.bincount(rows) == before + 2).all() or not endless


SCHEMA = dt.Schema(
    entity="user",
    time="at",
    time_unit="s",
    fields=[dt.Timestamp("at"), dt.Categorical("brand"), dt.Categorical("number")],
)


def test_a_seed_says_what_is_drawn() -> None:
    generator, _ = generator_of(SCHEMA)
    first, again, other = (generator(2, events=3, sampling=Sampling(seed=seed))[0].tolist() for seed in (4, 4, 5))
    assert first == again != other


def test_top_k_of_one_is_greedy_and_so_is_a_small_top_p() -> None:
    generator, _ = generator_of(SCHEMA)
    found = [generator(1, sampling=sampling)[0].tolist() for sampling in (
        Sampling(top_k=1, seed=1), Sampling(top_k=1, seed=2), Sampling(top_p=1e-6, seed=3))]  # fmt: skip
    assert found[0] == found[1] == found[2]


def test_histories_end_before_the_longest_allowed() -> None:
    generator, tokenizer = generator_of(SCHEMA, position="learned")
    ids, offsets = generator(2, events=500, longest=40)
    assert (np.diff(offsets) <= 40).all()
    assert tokenizer.decode(ids, offsets).num_rows > 4
    generator.model.config = preset("54k", len(tokenizer.vocabulary), block=30, position="learned")
    assert (np.diff(generator(2, events=500)[1]) <= 30).all()


def test_what_is_no_history_is_refused() -> None:
    generator, tokenizer = generator_of(SCHEMA)
    stream = tokenizer.encode(table(0))[0]
    for wrong in (stream[:-1], stream[1:], stream[:4]):
        with pytest.raises(DecodeError):
            generator([wrong])
    with pytest.raises(SchemaError):
        Sampling(temperature=0)
    other = dt.DomainTokenizer(SCHEMA).fit({name: values[:9] for name, values in table(1).items()})
    with pytest.raises(VocabularyMismatchError):
        Generator(generator.model, other)


def test_predictions_are_events_and_their_probabilities() -> None:
    """Of a model that has learned one history by heart."""
    generator, tokenizer = generator_of(SCHEMA)
    stream = tokenizer.encode(table(0))[0]
    model = generator.model
    ids = torch.from_numpy(stream.astype(np.int64))[None]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(80):
        model.loss(TokenBatch(ids, torch.zeros_like(ids))).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    begins = np.flatnonzero(tokenizer.grammar.place[stream] == tokenizer.grammar.header_parts)
    history, truth = stream[: begins[3]], stream[begins[3] : begins[4]]
    found = predict_next(generator, history, 3)
    assert found[0].ids == tuple(truth.tolist())
    assert found[0].tokens == tuple(tokenizer.vocabulary.decode(truth.tolist()))
    assert 0.5 < found[0].probability <= 1
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert sum(one.probability for one in found) <= 1 + 1e-5


@pytest.mark.parametrize("session", [None, "visit"])
def test_the_probabilities_of_all_events_add_up_to_one(session: str | None) -> None:
    fields = [dt.Categorical("brand", unseen="hash", hash_buckets=2), dt.Numeric("price", bins=2)]
    schema = dt.Schema(entity="user", time="at", time_unit="s", session=session, fields=fields)
    generator, tokenizer = generator_of(schema)
    found = predict_next(generator, tokenizer.encode(table(0))[0], 64)
    assert sum(one.probability for one in found) == pytest.approx(1, abs=1e-4)
    assert all("price" in one.tokens[-1] for one in found)
