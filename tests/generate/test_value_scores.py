from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from random_shop import generator_of, table

import domaintoolkit as dt
from domaintoolkit.generate import ValueScorer, ValueTokens, score_values
from domaintoolkit.model import EventModel, events_from_streams

FIELDS = {
    "tokens": dt.Categorical("brand"),
    "spelled": dt.Categorical("brand", max_size=1),
    "hashed": dt.Categorical("brand", max_size=1, unseen="hash", hash_buckets=3),
    "levels": dt.Categorical("category", separator=".", max_size=3),
    "parts": dt.Numeric("price", bins=4, sign=True, refine=2),
    "text": dt.Text("note", vocabulary_size=20),
    "times": dt.Timestamp("at", parts=("weekday", "hour")),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("sequential", [True, False])
def test_a_score_is_the_likelihood_that_the_loss_is_made_of(kind: str, sequential: bool) -> None:
    field = FIELDS[kind]
    others = [dt.Categorical("number"), dt.Timestamp("at", parts=("hour",))][: 1 if kind == "times" else 2]
    # the field comes first, or, if parts are independent, last
    fields = [field, *others] if sequential else [*others, field]
    schema = dt.Schema(entity="user", time="at", time_unit="s", session="visit", fields=fields)
    generator, tokenizer = generator_of(schema, 1, event=True, sequential=sequential)
    model = generator.model.eval()
    assert isinstance(model, EventModel)
    streams = tokenizer.encode(table(1))
    bound = next(bound for bound in tokenizer.layout.events if bound.name == field.name)
    places = range(bound.first_place, bound.first_place + len(bound.encoder.parts))
    batch = events_from_streams(streams.ids, streams.offsets, model.layout).batch()
    nats = model.loss(batch).nats.detach().numpy()
    for row in range(len(streams)):
        ids = np.asarray(streams[row], np.int64)
        count = int(np.diff(streams.event_offsets)[row])
        # every event but the first, whose cost is that of the part at the same position
        cuts = np.arange(1, count)
        for cut in cuts[:4]:
            event = own_tokens(ids, tokenizer, places, int(cut))
            scorer = ValueScorer(model, places[0], ValueTokens(np.array(event), np.array([0, len(event)])))
            session = bool(batch.session[row, cut + 1])
            (found,) = scorer.log_probabilities(ids, np.array([0, len(ids)]), [np.array([cut])], session)[0]
            wanted = nats[row, cut + 1, [place - model.header_parts for place in places]].sum()
            assert -found == pytest.approx(wanted, rel=1e-3, abs=1e-4)


def own_tokens(ids: Any, tokenizer: dt.DomainTokenizer, places: range, number: int) -> list[int]:
    """The tokens of a field in one event of a stream."""
    from domaintoolkit.grammar import parse_spans

    spans = parse_spans(ids, np.array([0, len(ids)]), tokenizer.grammar)
    mine = np.isin(spans.places, places) & (spans.events == number)
    return [
        int(t) for low, size in zip(spans.begins[mine], spans.lengths[mine], strict=True) for t in ids[low : low + size]
    ]


@pytest.mark.parametrize("first", [True, False])
def test_the_probabilities_of_all_values_add_up_to_one(first: bool) -> None:
    brand, price = dt.Categorical("brand", unseen="hash", hash_buckets=3), dt.Numeric("price", bins=4)
    schema = dt.Schema(
        entity="user", time="at", time_unit="s", session_gap="2d",
        fields=[brand, price, dt.Timestamp("at")] if first else [dt.Text("note"), price, brand, dt.Timestamp("at")],
    )  # fmt: skip
    generator, tokenizer = generator_of(schema, 1, event=True)
    assert isinstance(generator.model, EventModel)
    streams = tokenizer.encode(table(1))
    values, shares = score_values(generator.model, tokenizer, streams, "brand")
    _, missing = score_values(generator.model, tokenizer, streams, "brand", [None])
    assert {"samsung", "xiaomi", ""} <= set(values)
    assert shares.shape == (len(streams), len(values))
    # hash buckets without a value seen in them are in no list
    assert ((shares.sum(1) + missing[:, 0]) <= 1 + 1e-5).all()
    assert ((shares.sum(1) + missing[:, 0]) > 0.3).all()
    again = score_values(generator.model, tokenizer, streams, "brand", values)[1]
    np.testing.assert_allclose(again, shares, rtol=1e-5)


def test_only_what_could_be_likelier_than_the_wanted_value_is_spelled_out() -> None:
    schema = dt.Schema(entity="user", time="at", time_unit="s", fields=[FIELDS["levels"], dt.Timestamp("at")])
    generator, tokenizer = generator_of(schema, 1, event=True)
    model = generator.model
    assert isinstance(model, EventModel)
    streams = tokenizer.encode(table(1))
    bound = tokenizer.layout.events[0]
    names = ["a.phone", "a.tv", "home", "home.kitchen.pan", "new.value", "other"]
    tokens = bound.field.lookup(bound.ids)(names)
    values = ValueTokens(np.array([t for each in tokens for t in each]), np.cumsum([0, *map(len, tokens)]))
    scorer = ValueScorer(model, bound.first_place, values)
    cuts = [np.array([count]) for count in np.diff(streams.event_offsets)]
    whole = scorer.log_probabilities(streams.ids, streams.offsets, cuts)
    for target in range(len(names)):
        wanted = np.full(len(streams), target)
        some = scorer.log_probabilities(streams.ids, streams.offsets, cuts, wanted=wanted)
        ranks = [(found >= found[:, [target]]).sum(1).tolist() for found in (whole, some)]
        assert ranks[0] == ranks[1]
        np.testing.assert_allclose(some[:, target], whole[:, target], rtol=1e-5)
