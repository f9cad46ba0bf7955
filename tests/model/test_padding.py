"""Batches of streams, and worker processes that make them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import domaintoolkit as dt
from domaintoolkit.model import PadCollator

ROWS = {"user": [1, 2, 2, 3], "what": ["a", "b", "c", "a"]}


def streams() -> dt.Streams:
    return dt.DomainTokenizer(dt.Schema(entity="user", fields=[dt.Categorical("what")])).fit_encode(ROWS)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_loader_gives_padded_batches_with_a_mask(side: str) -> None:
    made = streams()
    loader = DataLoader(made, batch_size=3, collate_fn=PadCollator(made.vocabulary, side=side, labels=True))
    (batch,) = loader
    ids, mask = made.padded(side=side)
    assert batch["input_ids"].tolist() == ids.tolist()
    assert batch["attention_mask"].bool().tolist() == mask.tolist()
    assert batch["labels"].tolist() == np.where(mask, ids, -100).tolist()
    assert batch["input_ids"].dtype == torch.int64


def test_of_longer_streams_the_last_tokens_are_kept() -> None:
    made = streams()
    batch = PadCollator(made.vocabulary, length=2)(list(made))
    assert batch["input_ids"].tolist() == made.padded(2)[0].tolist()
    with pytest.raises(dt.LookupFailedError, match="middle"):
        PadCollator(made.vocabulary, side="middle")
