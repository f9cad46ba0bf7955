from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from random_shop import FAMILIES, generator_of, schemas, table

import domaintoolkit as dt
from domaintoolkit import testing
from domaintoolkit.errors import DecodeError, SchemaError, VocabularyError, VocabularyMismatchError
from domaintoolkit.generate import Generator, Sampling, predict_next
from domaintoolkit.generate import generator as generator_module
from domaintoolkit.generate.draft import Draft
from domaintoolkit.model import EventModel, TokenBatch, TokenModel, events_from_streams, preset


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=6, phases=[Phase.reuse, Phase.generate])
@given(st.data())
def test_an_untrained_model_writes_histories_that_decode_and_encode_again(family: str, data: st.DataObject) -> None:
    """Of any schema: what is decoded encodes to the same ids."""
    drawn = testing.schemas().filter(lambda schema: not schema.is_ordered_by_fields)
    schema = replace(data.draw(drawn), min_events=1, max_events=None, untimed="refuse")
    if family == "composites":
        schema = replace(schema, composite=dt.Composite(vocabulary_size=30, min_weight=0.3))
    rows = data.draw(testing.tables(schema))
    assume(rows.num_rows)
    changes = {**FAMILIES[family]}
    generator, tokenizer = generator_of(schema, rows=rows, **changes)
    sampling = Sampling(
        temperature=data.draw(st.sampled_from([1e-300, 0.3, 1.0, 3.0, 1e300])), seed=data.draw(st.integers(0, 99))
    )
    same_ids(tokenizer, *generator(2, events=3, sampling=sampling))
    streams = tokenizer.encode(rows)
    ids, offsets = generator([streams[0], streams[len(streams) - 1]], events=2, sampling=sampling)
    assert ids[: len(streams[0])].tolist() == streams[0].tolist()
    same_ids(tokenizer, ids, offsets)


def same_ids(tokenizer: dt.DomainTokenizer, ids: Any, offsets: Any) -> None:
    """Histories without an event come back as no rows."""
    again = tokenizer.encode(tokenizer.decode(ids, offsets))
    pieces = [ids[low:high].tolist() for low, high in pairwise(offsets)]
    grammar = tokenizer.grammar
    assert [piece for piece in pieces if (grammar.place[piece] >= grammar.header_parts).any()] == [
        stream.tolist() for stream in again
    ]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@settings(max_examples=5)
@given(schemas(), st.integers(0, 99))
def test_as_many_events_are_written_as_asked_for(family: str, schema: Any, seed: int) -> None:
    if family == "composites":
        schema = replace(schema, composite=dt.Composite(vocabulary_size=40))
    generator, tokenizer = generator_of(schema, seed % 3, **FAMILIES[family])
    endless = all("year" not in getattr(field, "parts", ()) for field in schema.fields)
    found = tokenizer.decode(*generator(3, events=3, sampling=Sampling(seed=seed)))
    assert found.num_rows == 9 if endless else found.num_rows <= 9
    times = found["at"].to_numpy().astype("datetime64[us]").astype(np.int64)
    assert (np.diff(times)[np.diff(found["user"].to_numpy()) == 0] >= 0).all()
    streams = tokenizer.encode(table(seed % 3))
    before = np.diff(streams.event_offsets)[:2]
    longer = generator([streams[0], streams[1]], events=2, sampling=Sampling(seed=seed))
    counts = np.bincount(tokenizer.decode(*longer)["user"].to_numpy())
    assert (counts == before + 2).all() if endless else (counts <= before + 2).all()


SCHEMA = dt.Schema(
    entity="user",
    time="at",
    time_unit="s",
    fields=[dt.Timestamp("at"), dt.Categorical("brand"), dt.Categorical("number")],
)


@pytest.mark.slow
def test_a_seed_says_what_is_drawn() -> None:
    generator, _ = generator_of(SCHEMA)
    first, again, other = (generator(2, events=3, sampling=Sampling(seed=seed))[0].tolist() for seed in (4, 4, 5))
    assert first == again != other


@pytest.mark.slow
def test_top_k_of_one_is_greedy_and_so_is_a_small_top_p() -> None:
    generator, _ = generator_of(SCHEMA)
    found = [generator(1, sampling=sampling)[0].tolist() for sampling in (
        Sampling(top_k=1, seed=1), Sampling(top_k=1, seed=2), Sampling(top_p=1e-6, seed=3))]  # fmt: skip
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_histories_end_before_the_longest_allowed() -> None:
    generator, tokenizer = generator_of(SCHEMA, position="learned")
    ids, offsets = generator(2, events=500, longest=40)
    assert (np.diff(offsets) <= 40).all()
    assert tokenizer.decode(ids, offsets).num_rows > 4
    generator.model.config = preset("54k", len(tokenizer.vocabulary), block=30, position="learned")
    assert (np.diff(generator(2, events=500)[1]) <= 30).all()


def test_a_history_that_ends_early_says_why() -> None:
    generator, _ = generator_of(SCHEMA)
    short, *whole = (generator.write(1, events, longest=longest)[0] for events, longest in ((500, 40), (2, None)))
    assert short.ended == "it would be longer than 40 tokens"
    assert [each.ended for each in whole] == [None]


@pytest.mark.slow
def test_an_event_that_ties_and_does_not_decode_is_drawn_again_at_its_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise ties would be rarer than the model has them."""
    generator, _ = generator_of(SCHEMA)
    draft = generator.begin(generator.write(1, 1)[0].ids, 5)
    asked: list[tuple[bool, str | None]] = []
    rewrite = Draft._rewrite

    def refuse(self: Draft) -> None:
        tied = self.writer.is_tied(self.state)
        rewrite(self)
        asked.append((tied, self.mark.state.feasible.following))

    monkeypatch.setattr(Draft, "_rewrite", refuse)
    monkeypatch.setattr(generator.checks, "decodes", lambda ids: False)
    generator._write([draft], Sampling(seed=1), torch.Generator().manual_seed(1))
    assert draft.ended == "8 drawn events in turn had no valid time"
    assert {following for tied, following in asked if not tied} <= {"later"}
    assert all(following == "tied" for tied, following in asked[:4] if tied)


def test_what_is_no_history_is_refused() -> None:
    generator, tokenizer = generator_of(SCHEMA)
    stream = tokenizer.encode(table(0))[0]
    for wrong in (stream[:-1], stream[1:], stream[:3]):
        with pytest.raises(DecodeError):
            generator([wrong])
    with pytest.raises(SchemaError):
        Sampling(temperature=0)
    other = dt.DomainTokenizer(SCHEMA).fit({name: values[:9] for name, values in table(1).items()})
    with pytest.raises(VocabularyMismatchError):
        Generator(generator.model, other)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_predictions_are_events_and_their_probabilities(family: str) -> None:
    """Of a model that has learned one history by heart."""
    schema = replace(SCHEMA, composite=dt.Composite(vocabulary_size=30)) if family == "composites" else SCHEMA
    generator, tokenizer = generator_of(schema, **FAMILIES[family])
    stream = np.asarray(tokenizer.encode(table(0))[0], np.int64)
    begins = np.flatnonzero(tokenizer.grammar.place[stream] == tokenizer.grammar.header_parts)
    model: Any = generator.model
    read = np.array(generator.begin(stream, 0).context)
    if isinstance(model, EventModel):
        batch: Any = events_from_streams(read, np.array([0, len(read)]), model.layout).batch()
    else:
        batch = TokenBatch(torch.from_numpy(read)[None], torch.zeros(1, len(read), dtype=torch.long))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(150):
        model.loss(batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    history, truth = stream[: begins[3]], stream[begins[3] : begins[4]]
    found = predict_next(generator, history, 3)
    assert [one.probability for one in found] == sorted((one.probability for one in found), reverse=True)
    assert sum(one.probability for one in found) <= 1 + 1e-5
    assert found[0].tokens == tuple(tokenizer.vocabulary.decode(list(found[0].ids)))
    if family != "composites":  # a part of a history is segmented otherwise than the whole
        assert found[0].ids == tuple(truth.tolist())
        assert 0.5 < found[0].probability <= 1
    continued, _ = generator([history], events=1, sampling=Sampling(top_k=1))
    assert continued[: len(history)].tolist() == history.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("event", [False, True])
@pytest.mark.parametrize("session", [None, "visit"])
def test_the_probabilities_of_all_events_add_up_to_one(session: str | None, event: bool) -> None:
    fields = [dt.Categorical("brand", unseen="hash", hash_buckets=2), dt.Numeric("price", bins=2)]
    schema = dt.Schema(entity="user", time="at", time_unit="s", session=session, fields=fields)
    generator, tokenizer = generator_of(schema, event=event)
    found = predict_next(generator, tokenizer.encode(table(0))[0], 64)
    assert sum(one.probability for one in found) == pytest.approx(1, abs=1e-4)
    assert all("price" in one.tokens[-1] for one in found)


def test_a_header_alone_may_be_given_and_a_history_with_composites_in() -> None:
    schema = replace(SCHEMA, composite=dt.Composite(vocabulary_size=30))
    generator, tokenizer = generator_of(schema, composites=True)
    streams = tokenizer.encode(table(0))
    head = streams[0][: streams.event_starts[0]]
    ids, offsets = generator([head, streams.composites()[1]], events=2)
    assert ids[: len(head)].tolist() == head.tolist()
    assert ids[offsets[1] : offsets[1] + len(streams[1])].tolist() == streams[1].tolist()
    with pytest.raises(DecodeError, match="header before its next event"):
        predict_next(generator, np.array([tokenizer.grammar.bos]))


@pytest.mark.slow
def test_many_histories_are_written_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator_module, "TOGETHER", 2)
    generator, tokenizer = generator_of(SCHEMA, event=True, position="learned")
    generator.model.config = replace(generator.model.config, block=4)
    ids, offsets = generator(5, events=9)
    assert len(offsets) == 6
    assert tokenizer.decode(ids, offsets).num_rows <= 5 * 4


def test_a_history_that_cannot_begin_is_an_error() -> None:
    generator, _ = generator_of(SCHEMA, rows={name: [] for name in ("user", "at", "brand", "number")})
    with pytest.raises(VocabularyError, match=r"begins the part 'anchor\.year'"):
        generator(1)
    other, _ = generator_of(SCHEMA)
    config = replace(other.model.config, composites=True)
    model = TokenModel(config, other.tokenizer.grammar, other.tokenizer.vocabulary.hash)
    with pytest.raises(VocabularyError, match="trained on composites"):
        Generator(model, other.tokenizer)


def test_histories_that_a_field_orders_are_not_written() -> None:
    rows = {"user": [1, 1, 2], "what": ["a", "b", "c"], "number": [1, 2, 1]}
    by_field = dt.Schema(entity="user", order_by=("what", "number"), fields=(dt.Categorical("what"),))
    with pytest.raises(dt.SchemaError, match="order_by: without a time column"):
        generator_of(by_field, rows=rows)
    generator, tokenizer = generator_of(replace(by_field, order_by="number"), rows=rows)
    same_ids(tokenizer, *generator(2, events=3))


def test_facts_of_a_prompt_are_kept_and_none_are_written() -> None:
    rows = {"user": [1, 1, 1, 2], "at": [None, "2024-01-01", "2024-01-02", None], "what": ["born", "a", "b", "born"]}
    fields = (dt.Categorical("what"), dt.Timestamp("at"))
    schema = dt.Schema(entity="user", time="at", untimed="static", session_gap="1d", fields=fields)
    generator, tokenizer = generator_of(schema, rows=rows)
    streams = tokenizer.encode(rows)
    ids, offsets = generator([streams[0]], events=3)
    same_ids(tokenizer, ids, offsets)
    assert [time is None for time in tokenizer.decode(ids, offsets)["at"].to_pylist()] == [True] + [False] * 5
    with pytest.raises(dt.DecodeError, match="a history without any time cannot be continued"):
        generator([streams[1]], events=3)
