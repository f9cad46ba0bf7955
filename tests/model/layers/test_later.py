from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.model.config import EventModelConfig
from domaintoolkit.model.layers.later import (
    LaterAggregates,
    LaterEvents,
    LaterRange,
    WeightedMean,
    later_means,
    running_means,
)


@given(st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=4), min_size=1, max_size=3), st.integers(0, 9))
def test_means_before_and_after_a_position_stay_inside_its_history(rows: list[list[int]], seed: int) -> None:
    length = max(map(sum, rows)) + 1
    documents = torch.full((len(rows), length), -1)
    for row, sizes in enumerate(rows):
        documents[row, : sum(sizes)] = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    generator = torch.Generator().manual_seed(seed)
    hidden = torch.randn(*documents.shape, 3, generator=generator)
    values, there = (
        torch.randn(*documents.shape, 2, 4, generator=generator),
        documents[..., None].expand(-1, -1, 2) >= 0,
    )
    chosen = (documents >= 0).flatten().nonzero().flatten()
    before = running_means(hidden, documents, chosen)
    after, counts = later_means(values * there[..., None], there, documents, chosen)
    for number, place in enumerate(chosen.tolist()):
        row, at = divmod(place, length)
        own = np.flatnonzero(documents[row].numpy() == int(documents[row, at]))
        earlier, later = own[own <= at], own[own > at]
        assert torch.allclose(before[number], hidden[row, earlier].mean(0), atol=1e-5)
        assert counts[number].tolist() == [len(later)] * 2
        if len(later):
            assert torch.allclose(after[number], values[row, later].mean(0), atol=1e-5)


def test_some_positions_are_chosen_evenly() -> None:
    assert {int(LaterEvents.choose(torch.arange(size))[0]) for size in range(100, 120)} == set(range(8))
    assert LaterEvents.choose(torch.arange(3)).tolist() == [2]
    assert len(LaterEvents.choose(torch.arange(100_000))) <= 512


def test_the_weighted_mean_is_that_of_each_head_and_a_mean_at_first() -> None:
    generator = torch.Generator().manual_seed(1)
    pooling = WeightedMean(EventModelConfig(10, width=6, heads=2))
    hidden = torch.randn(2, 5, 6, generator=generator)
    rows, ends = torch.tensor([0, 0, 1]), torch.tensor([1, 4, 2])
    expected = torch.stack([hidden[row, : end + 1].mean(0) for row, end in zip(rows, ends, strict=True)])
    assert torch.allclose(pooling(hidden, rows, ends), expected, atol=1e-6)
    torch.nn.init.normal_(pooling.scores.weight, generator=generator)
    weights = (4 * torch.tanh(hidden @ pooling.scores.weight.T / 4)).exp()
    for row, end, found in zip(rows, ends, pooling(hidden, rows, ends), strict=True):
        own, states = weights[row, : end + 1], hidden[row, : end + 1].view(-1, 2, 3)
        assert torch.allclose(found, ((own[..., None] * states).sum(0) / own.sum(0)[:, None]).flatten(), atol=1e-5)


def test_training_and_embedding_pool_alike() -> None:
    generator = torch.Generator().manual_seed(2)
    later = LaterEvents(EventModelConfig(10, width=6, heads=2), 1)
    torch.nn.init.normal_(later.pooling.scores.weight, generator=generator)
    hidden = torch.randn(1, 5, 6, generator=generator)
    # two histories in a row: three positions, then two
    documents = torch.tensor([[0, 0, 0, 1, 1]])
    found = later(later.pool(hidden, documents, torch.tensor([1, 4])))
    pooled = [
        later.pooling(hidden[:, begin:], torch.tensor([0]), torch.tensor([end - begin]))
        for begin, end in ((0, 1), (3, 4))
    ]
    assert torch.allclose(found, torch.einsum("nw,pwc->npc", torch.cat(pooled), later.weight), atol=1e-5)


def test_aggregates_are_those_of_the_events_that_follow() -> None:
    """The loss, against aggregates that numpy computes of one later range after another."""
    generator = torch.Generator().manual_seed(3)
    head = LaterAggregates(EventModelConfig(10, width=6, heads=2), 2)
    documents = torch.tensor([[0, 0, 0, 0, 1, 1, 1, -1], [0, 0, 0, 0, 0, 0, 0, 0]])
    places = torch.rand(2, 8, 2, generator=generator)
    there = torch.rand(2, 8, 2, generator=generator) < 0.7
    session = torch.rand(2, 8, generator=generator) < 0.4
    chosen = torch.tensor([0, 2, 4, 5, 8, 11, 14])
    pooled = torch.randn(len(chosen), 6, generator=generator)
    loss = head(pooled, places * there, there, session, LaterRange(documents, chosen))
    wanted = np.full((len(chosen), 6), np.nan)
    for number, place in enumerate(chosen.tolist()):
        row, at = divmod(place, 8)
        own = np.flatnonzero(documents[row].numpy() == int(documents[row, at]))
        own = own[own > at]
        for part in range(2):
            values = places[row, own, part][there[row, own, part]].numpy()
            if len(values):
                wanted[number, part] = values.mean()
            if len(values) > 1:
                wanted[number, 2 + part] = values.std()
        wanted[number, 4] = np.log1p(len(own))
        wanted[number, 5] = session[row, own].float().mean()
    told = head.linear(pooled).detach().numpy()
    missed = np.nanmean((told - wanted) ** 2, 0) / np.nanvar(wanted, 0)
    assert float(loss.detach()) == pytest.approx(missed.mean(), rel=1e-3)
