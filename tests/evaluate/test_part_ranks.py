from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import train_folders as folders

from domaintoolkit import DomainTokenizer
from domaintoolkit.evaluate.part_ranks import PartRanks, fit_block, rank_parts
from domaintoolkit.grammar import index_events
from domaintoolkit.model import EventModel, TokenModel, event_preset, events_from_streams, preset
from domaintoolkit.storage import open_encoded
from domaintoolkit.storage.encoded_folder import ShardRows


def test_ranks_share_ties_and_bins_hold_confidence() -> None:
    ranks = PartRanks("brand", 12)
    scores = torch.zeros(3, 12)
    scores[0, 4] = 100.0  # sure and right
    scores[1, 4] = 100.0  # sure and wrong: the other eleven share the ranks 2 to 12
    ranks.add(scores, torch.tensor([4, 5, 0]))
    assert (ranks.count, ranks.first, ranks.near) == (3, 2.0, 3.0)
    assert ranks.reciprocal == pytest.approx(1 + 1 / 7 + 1 / 6.5)
    assert ranks.binned[:, -1].tolist() == pytest.approx([2, 2, 1])
    assert ranks.reliability.error == pytest.approx((1 + 1 - 1 / 12) / 3)


def encode(folder: Path) -> tuple[DomainTokenizer, ShardRows]:
    """The streams of 30 histories, and their tokenizer; models that are made next have the same weights each time."""
    table = folders.rows(30, 12)
    encoded = open_encoded(folders.write(folder, table, folders.tokenizer(table)))
    torch.manual_seed(0)
    return DomainTokenizer.load(encoded.tokenizer_folder), next(iter(encoded.streams()))


@pytest.mark.parametrize("family", ["event", "token"])
def test_costs_are_those_of_the_loss(tmp_path: Path, family: str) -> None:
    tokenizer, rows = encode(tmp_path)
    ids, offsets = np.asarray(rows.ids, np.int64), rows.offsets.astype(np.int64)
    size = len(tokenizer.vocabulary)
    if family == "event":
        model = EventModel(event_preset("54k", size, layers=1), tokenizer.grammar, "").eval()
        batch = events_from_streams(ids, offsets, model.layout).batch()
        report = model.loss(batch)
        events, limit = int(report.events), report.nats_by_part
    else:
        model = TokenModel(preset("54k", size, layers=1), tokenizer.grammar, "").eval()
        events = len(rows.event_starts)
    found = {each.part: each for each in rank_parts(model, ids, offsets)}
    assert set(found) == {"page", "note", "at.weekday", "at.hour", "at.delta"}
    assert all(each.count == events for each in found.values())
    if family == "event":  # none of the values of `note` is spelled, so its cost is that of its first tokens
        part = model.part_names.index("note")
        assert found["note"].nats == pytest.approx(float(limit[part]), rel=1e-4)
    else:  # a fresh token model knows nothing: about the logarithm of the number of choices
        assert found["note"].nats / events == pytest.approx(np.log(found["note"].choices), abs=0.7)


@pytest.mark.parametrize("family", ["event", "token"])
def test_the_last_events_are_all_events_but_those_before_them(tmp_path: Path, family: str) -> None:
    tokenizer, rows = encode(tmp_path)
    ids, offsets = np.asarray(rows.ids, np.int64), rows.offsets.astype(np.int64)
    kind, make = (EventModel, event_preset) if family == "event" else (TokenModel, preset)
    model = kind(make("54k", len(tokenizer.vocabulary), layers=1), tokenizer.grammar, "").eval()
    index = index_events(ids, offsets, model.layout)
    cut = [ids[low : index.starts[end - 1]] for low, end in zip(offsets, index.offsets[1:], strict=False)]
    before = rank_parts(model, np.concatenate(cut), np.cumsum([0, *map(len, cut)]))
    every, last = rank_parts(model, ids, offsets), rank_parts(model, ids, offsets, last_only=True)
    for one, two, three in zip(every, before, last, strict=True):
        assert three.count == one.count - two.count == len(offsets) - 1
        assert three.reciprocal == pytest.approx(one.reciprocal - two.reciprocal, rel=1e-4)


def test_only_whole_events_that_fit_into_a_block_are_ranked(tmp_path: Path) -> None:
    table = folders.rows(12, 12)
    encoded = open_encoded(folders.write(tmp_path, table, folders.tokenizer(table)))
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    rows = next(iter(encoded.streams()))
    histories = [rows.ids[low:high] for low, high in pairwise(rows.offsets.tolist())]
    starts = [rows.event_starts[low:high] for low, high in pairwise(rows.event_offsets.tolist())]
    size = len(tokenizer.vocabulary)
    token = TokenModel(preset("54k", size, layers=1, position="learned", block=24), tokenizer.grammar, "").eval()
    ids, offsets = fit_block(token, histories, starts)
    assert 0 < np.diff(offsets).max() <= 24
    assert all(each.count for each in rank_parts(token, ids, offsets))
    event = EventModel(event_preset("54k", size, layers=1, block=4), tokenizer.grammar, "").eval()
    ids, offsets = fit_block(event, histories, starts)
    assert np.diff(index_events(ids, offsets, tokenizer.grammar).offsets).tolist() == [min(3, len(s)) for s in starts]
    token = TokenModel(preset("54k", size, layers=1, block=2), tokenizer.grammar, "").eval()
    assert not len(fit_block(token, histories, starts)[0])
    assert not any(each.count for each in rank_parts(token, *fit_block(token, histories, starts)))
