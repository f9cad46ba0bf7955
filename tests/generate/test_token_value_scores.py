from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from random_shop import generator_of, table

import domaintoolkit as dt
from domaintoolkit.errors import SchemaError
from domaintoolkit.generate import TokenValueScorer, ValueTokens, score_values
from domaintoolkit.generate import token_value_scores as module
from domaintoolkit.grammar import Place, event_starts
from domaintoolkit.model import TokenModel

FIELDS: dict[str, Any] = {
    "tokens": dt.Categorical("brand"),
    "levels": dt.Categorical("category", separator="."),
    "spelled": dt.Categorical("brand", max_size=1),
    "parts": dt.Numeric("price", bins=4, refine=3),
}


def likelihood(model: TokenModel, context: list[int], value: list[int]) -> float:
    """Of the tokens of a value and of its end after a context, one forward pass a token."""
    layout, total = model.layout, 0.0
    opening, following = -1, int(layout.place[value[0]])
    goes_on = model.start.numpy() & (layout.fills == 1)
    for end in range(len(value) + 1):
        if opening >= 0:
            following = int(layout.place[opening] + layout.fills[opening])
        begins = layout.start & (layout.place == following)
        if following == layout.parts:
            begins = layout.start & (layout.place == layout.header_parts) | (layout.place == Place.SESSION)
        own = ~layout.start & ((layout.place == Place.BYTE) | (layout.place == (layout.place[opening] if end else -9)))
        # a token that stands alone in its part is followed by the next part
        alone = layout.fusible[opening] and not (~layout.start & (layout.place == layout.place[opening])).any()
        allowed = begins | own if end and goes_on[opening] and not alone else begins
        logits = model(torch.tensor([context + value[:end]]))[0, -1].double().detach().numpy()
        logs = np.where(allowed, logits, -np.inf)
        logs -= np.logaddexp.reduce(logs)
        if end == len(value):
            return float(total + np.logaddexp.reduce(logs[begins]))
        total += logs[value[end]]
        opening = value[end] if layout.start[value[end]] else opening
    raise AssertionError


def session_chance(model: TokenModel, context: list[int]) -> float:
    layout = model.layout
    logits = model(torch.tensor([context]))[0, -1].double().detach().numpy()
    is_session = layout.place == Place.SESSION
    opening = is_session | (layout.start & (layout.place == layout.header_parts))
    return float(np.exp(logits[is_session][0] - np.logaddexp.reduce(logits[opening])))


def values_of(tokenizer: dt.DomainTokenizer, field: str, streams: Any) -> ValueTokens:
    bound = next(bound for bound in tokenizer.layout.events if bound.name == field)
    encoded = sorted(set(map(tuple, bound.field.lookup(bound.ids)(sorted(set(table(1)[field]) - {None})))))
    flat = np.array([token for each in encoded for token in each], np.int64)
    return ValueTokens(flat, np.cumsum([0, *map(len, encoded)]))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tokens", "levels", "spelled", "parts"])
@pytest.mark.parametrize("sessions", [True, False])
def test_a_score_is_the_product_over_tokens(kind: str, sessions: bool) -> None:
    schema = dt.Schema(
        entity="user", time="at", time_unit="s", session="visit" if sessions else None,
        fields=[FIELDS[kind], dt.Timestamp("at", parts=("hour",))],
    )  # fmt: skip
    generator, tokenizer = generator_of(schema, 1)
    model = generator.model.eval()
    assert isinstance(model, TokenModel)
    streams = tokenizer.encode(table(1))
    values = values_of(tokenizer, FIELDS[kind].name, streams)
    place = tokenizer.layout.events[0].first_place
    scorer = TokenValueScorer(model, place, values, sessions)
    ids = np.asarray(streams[0], np.int64)
    starts = np.append(event_starts(ids, tokenizer.grammar), len(ids))
    cuts = [1, 3]
    found = scorer.log_probabilities(ids, np.array([0, len(ids)]), [np.array(cuts)])
    for row, cut in enumerate(cuts):
        context = ids[: starts[cut]].tolist()
        chance = session_chance(model, context) if sessions else 0.0
        for value, (low, high) in enumerate(pairwise(values.offsets.tolist())):
            own = values.tokens[low:high].tolist()
            expected = (1 - chance) * np.exp(likelihood(model, context, own))
            if sessions:
                expected += chance * np.exp(likelihood(model, [*context, tokenizer.grammar.session], own))
            assert np.exp(found[row, value]) == pytest.approx(expected, rel=1e-3)


def test_the_field_before_is_drawn() -> None:
    fields = [dt.Categorical("number"), dt.Categorical("category")]
    generator, tokenizer = generator_of(dt.Schema(entity="user", time="at", time_unit="s", fields=fields), 1)
    model = generator.model.eval()
    assert isinstance(model, TokenModel)
    streams = tokenizer.encode(table(1))
    values = values_of(tokenizer, "category", streams)
    scorer = TokenValueScorer(model, tokenizer.layout.events[1].first_place, values, False, samples=600)
    ids = np.asarray(streams[0], np.int64)
    starts = event_starts(ids, tokenizer.grammar)
    (found,) = np.exp(scorer.log_probabilities(ids, np.array([0, len(ids)]), [np.array([2])]))
    context = ids[: starts[2]].tolist()
    layout = model.layout
    first = np.flatnonzero(layout.start & (layout.place == layout.header_parts))
    expected = np.zeros(len(values))
    for token in first.tolist():
        share = np.exp(model(torch.tensor([context]))[0, -1].double().detach().numpy()[first])
        share = share[first.tolist().index(token)] / share.sum()
        for value in range(len(values)):
            own = values.tokens[values.offsets[value] : values.offsets[value + 1]].tolist()
            expected[value] += share * np.exp(likelihood(model, [*context, token], own))
    np.testing.assert_allclose(found, expected, rtol=0.1)


def test_values_that_begin_in_too_many_ways_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = dt.Schema(entity="user", time="at", time_unit="s", fields=[FIELDS["spelled"]])
    generator, tokenizer = generator_of(schema, 1)
    values = values_of(tokenizer, "brand", tokenizer.encode(table(1)))
    monkeypatch.setattr(module, "MOST", 2)
    with pytest.raises(SchemaError, match=r"begin in .* ways, and a token model reads each: at most 2"):
        TokenValueScorer(generator.model, tokenizer.layout.events[0].first_place, values)


def test_the_library_scores_all_values_in_one_call() -> None:
    schema = dt.Schema(entity="user", time="at", time_unit="s", fields=[FIELDS["levels"]])
    generator, tokenizer = generator_of(schema, 1)
    streams, given = tokenizer.encode(table(1)), ["a.phone", "a.tv", "home", "home.kitchen.pan"]
    assert isinstance(generator.model, TokenModel)
    names, found = score_values(generator.model, tokenizer, streams, "category", given)
    values = values_of(tokenizer, "category", streams)
    scorer = TokenValueScorer(generator.model, tokenizer.layout.events[0].first_place, values, False)
    cuts = [np.array([count]) for count in np.diff(streams.event_offsets)]
    wanted = np.exp(scorer.log_probabilities(streams.ids, streams.offsets, cuts))
    assert names == given
    np.testing.assert_allclose(np.sort(found), np.sort(wanted), rtol=1e-3)
