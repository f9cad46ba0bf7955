from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_grammar import grammar, streams

from domaintoolkit.errors import DecodeError, SchemaError
from domaintoolkit.grammar import Place
from domaintoolkit.model import (
    EventBatch,
    EventModel,
    EventTensors,
    event_parameters,
    event_preset,
    events_from_streams,
)
from domaintoolkit.model.layers.later import LaterEvents
from domaintoolkit.model.targets import event_targets

RULES = grammar()
SHAPES = st.fixed_dictionaries(
    {
        "position": st.sampled_from(["none", "rope", "learned"]),
        "sequential": st.booleans(),
        "tied": st.booleans(),
        "parallel": st.booleans(),
        "later": st.sampled_from([0.0, 1.0]),
        "recent": st.sampled_from([0, 1, 64]),
    }
)


def made(spread: float | None = None, **changes: Any) -> EventModel:
    torch.manual_seed(1)
    model = EventModel(event_preset("54k", len(RULES.place), block=64, **changes), RULES, "none")
    if spread is not None:
        for entry in model.parameters():
            torch.nn.init.normal_(entry, std=spread)
    return model.eval()


@pytest.mark.slow
@settings(max_examples=20)
@given(SHAPES, st.integers(0, 99))
def test_histories_in_one_row_cost_what_they_cost_alone(shape: dict[str, Any], seed: int) -> None:
    model = made(0.2, **shape)
    ids, offsets, events = streams(RULES, 5, seed, shortest=1)
    tensors = events_from_streams(ids, offsets, RULES)
    apart = model.loss(tensors.batch())
    packed = model.loss(tensors.batch(np.array([0, 0, 1, 1, 1])))
    assert int(packed.events) == int(apart.events) == sum(events)
    assert int(packed.tokens) == int((RULES.place[ids] != Place.BOS).sum())
    torch.testing.assert_close(packed.nats_by_part, apart.nats_by_part, rtol=1e-3, atol=1e-2)
    torch.testing.assert_close(packed.loss, apart.loss, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(packed.nats_by_part.sum() / packed.tokens, packed.loss.detach(), rtol=1e-3, atol=1e-3)


@settings(max_examples=20)
@given(SHAPES)
def test_parameters_are_those_of_the_built_model(shape: dict[str, Any]) -> None:
    model = made(**shape)
    whole, inside = event_parameters(model.config, RULES)
    assert whole == sum(entry.numel() for entry in model.parameters())
    by_row = list(model.grows) + (["steps.weight"] if "learned" in shape["position"] else [])
    assert whole - inside == sum(model.get_parameter(name).numel() for name in by_row)


@pytest.mark.slow
@pytest.mark.parametrize("sequential", [False, True])
def test_probabilities_of_all_events_add_up_to_one(sequential: bool) -> None:
    """Of every event that one start token a part can make; cells that can go on count with an empty tail's share."""
    model = made(0.3, sequential=sequential)
    head = [RULES.bos, *(int(np.flatnonzero(RULES.place == place)[0]) for place in range(RULES.header_parts))]
    starts = [
        np.flatnonzero((RULES.place == place) & RULES.fusible & (RULES.fills == 1))
        for place in range(RULES.header_parts, RULES.header_parts + RULES.event_parts)
    ]
    first = RULES.header_parts
    base = [int(options[0]) if len(options) else -1 for options in starts]
    note = int(np.flatnonzero((RULES.place == first + 6) & RULES.start)[0])
    base[6] = note
    for part in range(4, 6):
        every = np.flatnonzero((RULES.place == first + part) & RULES.start & (RULES.fills == 1))
        whole = np.flatnonzero((RULES.place == first + part) & RULES.start & (RULES.fills > 1))
        nats = []
        for token in every:
            event = [*base[:part], int(token), *base[part + 1 :]]
            nats.append(_nats(model, [*head, *event], part))
        for token in whole:
            event = [*base[:part], int(token), *base[part + 2 :]]
            nats.append(_nats(model, [*head, *event], part))
        assert sum(math.exp(-found) for found in nats) == pytest.approx(1, abs=1e-3)


def _nats(model: EventModel, ids: list[int], part: int) -> float:
    tensors = events_from_streams(np.array(ids), np.array([0, len(ids)]), RULES)
    with torch.no_grad():
        return float(model.loss(tensors.batch()).nats_by_part[part])


@pytest.mark.parametrize("sequential", [False, True])
def test_later_parts_are_seen_by_nothing_and_earlier_ones_only_when_sequential(sequential: bool) -> None:
    model = made(0.3, sequential=sequential)
    ids, offsets, _ = streams(RULES, 1, 5, shortest=3, longest=3)
    tensors = events_from_streams(ids, offsets, RULES)
    brand = np.flatnonzero((RULES.place == RULES.header_parts) & RULES.fusible)
    reports = []
    for token in brand[:2]:
        table = tensors.ids.copy()
        table[-1, RULES.header_parts] = token
        kept = tensors.tail_cells // table.shape[1] < len(table) - 1
        changed = changed_batch(tensors, table, kept)
        with torch.no_grad():
            reports.append(model.loss(changed).nats_by_part)
    same = torch.isclose(reports[0], reports[1], atol=1e-5)
    assert same[1 : model.event_parts].all() != sequential


def changed_batch(tensors: EventTensors, table: Any, kept: Any) -> EventBatch:
    sizes = np.diff(tensors.tail_offsets)
    flat = np.repeat(kept, sizes)
    ends = np.concatenate([[0], np.cumsum(sizes[kept])])
    return EventTensors(
        table, tensors.header, tensors.session, tensors.offsets, tensors.tail_cells[kept], ends, tensors.tails[flat]
    ).batch()


def test_large_parts_train_on_less_and_report_exactly() -> None:
    ids, offsets, _ = streams(RULES, 20, 2)
    batch = events_from_streams(ids, offsets, RULES).batch()
    model = made(0.2, large="sampled", large_from=2, negatives=16)
    exact = model.loss(batch).nats_by_part
    torch.testing.assert_close(model.train().loss(batch).nats_by_part, exact, rtol=1e-4, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("changes", [{}, {"sequential": False}, {"large": "sampled"}])
def test_learns_which_brand_follows_which(changes: dict[str, Any]) -> None:
    ids, offsets, _ = streams(RULES, 30, 0, shortest=5, longest=8)
    brands = np.flatnonzero((RULES.place == RULES.header_parts) & RULES.fusible)
    at = np.flatnonzero(np.isin(ids, brands) | (RULES.place[ids] == RULES.header_parts))
    keep = np.ones(len(ids), np.bool_)
    ids[at] = brands[np.arange(len(at)) % 4]
    byte = np.isin(ids, RULES.bytes)
    owner = np.maximum.accumulate(np.where(RULES.start[ids], np.arange(len(ids)), 0))
    keep &= ~(byte & np.isin(owner, at))
    lengths = np.add.reduceat(keep.astype(int), offsets[:-1])
    tensors = events_from_streams(ids[keep], np.concatenate([[0], np.cumsum(lengths)]), RULES)
    model = made(large_from=2, negatives=3, **{"large": "softmax", **changes}).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(60):
        model.loss(tensors.batch()).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    report = model.eval().loss(tensors.batch())
    assert float(report.nats_by_part[0] / report.events) < 0.7


@pytest.mark.parametrize("large", ["softmax", "sampled"])
def test_learns_that_values_come_again(large: str) -> None:
    """Each history has two hours of its own, in turn at random: which ones cannot be learned, that they return can."""
    ids, offsets, _ = streams(RULES, 30, 0, shortest=8, longest=10)
    hours = np.flatnonzero((RULES.place == RULES.header_parts + 2) & RULES.start)
    at = np.flatnonzero(np.isin(ids, hours))
    row = np.searchsorted(offsets, at, "right") - 1
    random = np.random.default_rng(0)
    own = np.array([random.choice(hours, 2, replace=False) for _ in offsets[:-1]])
    ids[at] = own[row, random.integers(0, 2, len(at))]
    half = int(offsets[20])
    training = events_from_streams(ids[:half], offsets[:21], RULES).batch()
    # the histories that are measured have hours of their own
    test = events_from_streams(ids[half:], offsets[20:] - half, RULES).batch()

    model = made(large=large, large_from=2, negatives=3)
    assert model.recent is not None
    before = model.loss(test)
    # the rest of the model stays as it is: nothing of the training histories can be learned by heart
    optimizer = torch.optim.Adam(model.recent.parameters(), lr=0.1)
    model.train()
    for _ in range(15):
        model.loss(training).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    after = model.eval().loss(test)
    assert float(after.nats_by_part[2]) < 0.92 * float(before.nats_by_part[2])


def test_first_loss_is_that_of_a_uniform_guess() -> None:
    ids, offsets, _ = streams(RULES, 60, 4, shortest=4)
    report = made().loss(events_from_streams(ids, offsets, RULES).batch())
    hours = int(((RULES.place == RULES.header_parts + 2) & RULES.start).sum())
    present = np.count_nonzero(RULES.place[ids] == RULES.header_parts + 2)
    assert float(report.nats_by_part[2]) == pytest.approx(present * math.log(hours), rel=0.03)


@pytest.mark.slow
def test_headers_are_learned_part_after_part() -> None:
    """Their first cost is that of a uniform guess; a country then tells the year."""
    countries = np.flatnonzero((RULES.place == 0) & RULES.start)[:3]
    years = np.flatnonzero((RULES.place == 1) & RULES.start)
    rest = [int(np.flatnonzero(RULES.place == place)[0]) for place in (2, 3)]
    flat = np.array([[RULES.bos, int(countries[n % 3]), int(years[n % 3]), *rest] for n in range(30)])
    tensors = events_from_streams(flat.ravel(), np.arange(31) * flat.shape[1], RULES)
    model = made().train()
    first = float(model.loss(tensors.batch()).nats_by_part[-1]) / 30
    options = [np.count_nonzero((RULES.place == place) & RULES.start) for place in range(4)]
    assert first == pytest.approx(sum(map(math.log, options)), rel=0.03)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(80):
        model.loss(tensors.batch()).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert float(model.eval().loss(tensors.batch()).nats_by_part[-1]) / 30 == pytest.approx(math.log(3), abs=0.2)


def test_a_tail_where_none_can_be_is_refused() -> None:
    ids, _, _ = streams(RULES, 1, 0, shortest=1)
    at = int(np.flatnonzero(RULES.place[ids] == RULES.header_parts + 4)[0])
    wrong = np.insert(ids, at + 1, RULES.bytes[7])
    tensors = events_from_streams(wrong, np.array([0, len(wrong)]), RULES)
    with pytest.raises(DecodeError, match="stands alone"):
        made().loss(tensors.batch())


def test_the_later_events_are_told_by_the_mean_so_far() -> None:
    """The loss, against one that scores every later value of every chosen position on its own."""
    model = made(0.3, later=1.0).train()
    ids, offsets, _ = streams(RULES, 12, 3, shortest=4, longest=9)
    batch = events_from_streams(ids, offsets, RULES).batch()
    extra = model.loss(batch).loss - model.eval().loss(batch).loss
    targets = event_targets(batch, model.header_parts, model.place, model.get_buffer("continues"))
    chosen = LaterEvents.choose(targets.source)
    with torch.no_grad():
        hidden, later = model.hidden(batch), model.later
        assert later is not None
        costs: dict[int, list[float]] = {}
        for place in chosen.tolist():
            row, at = divmod(place, batch.documents.shape[1])
            own = (batch.documents[row] == batch.documents[row, at]).nonzero().flatten()
            so_far = hidden[row, own[own <= at]][None]
            mean = later.pooling(so_far, torch.tensor([0]), torch.tensor([so_far.shape[1] - 1]))[0]
            queries = torch.einsum("w,pwc->pc", mean, later.weight)
            for part in range(model.event_parts):
                candidates = model.candidates(model.header_parts + part)
                found = batch.ids[row, own[own > at], model.header_parts + part]
                found = found[model.place[found] == model.header_parts + part]
                scores = model.scored[candidates] @ queries[part] + model.later_bias[candidates, 0]
                nats = -scores.log_softmax(0)[model.get_buffer("rank")[found]]
                if len(found):
                    costs.setdefault(part, []).append(float(nats.mean()))
    expected = sum(sum(each) / len(each) for each in costs.values()) / model.event_parts
    assert float(extra.detach()) == pytest.approx(expected, rel=1e-3)


def test_aggregates_add_to_the_loss_of_training_alone() -> None:
    with pytest.raises(SchemaError, match="needs later above 0"):
        made(later=0.0, aggregates=1.0)
    model = made(0.3, aggregates=2.0)
    ids, offsets, _ = streams(RULES, 12, 3, shortest=4, longest=9)
    batch = events_from_streams(ids, offsets, RULES).batch()
    plain = made(0.3)
    plain.load_state_dict({name: value for name, value in model.state_dict().items() if "aggregates" not in name})
    torch.testing.assert_close(model.loss(batch).loss, plain.loss(batch).loss)
    assert float((model.train().loss(batch).loss - plain.train().loss(batch).loss).detach()) > 0.1
    assert event_parameters(model.config, RULES)[0] == sum(entry.numel() for entry in model.parameters())
