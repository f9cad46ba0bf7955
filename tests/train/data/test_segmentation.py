"""Composites in training: every base event once, others each epoch, and the split intact."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import train_folders as folders

import domaintoolkit as dt
from domaintoolkit.errors import SchemaError
from domaintoolkit.train import Recipe
from domaintoolkit.train.data.segmentation import build_segmentation
from domaintoolkit.train.model_building import build_model
from domaintoolkit.train.predictions import describe_next_event
from domaintoolkit.windows import HistorySource, Loader, open_shards
from domaintoolkit.windows.window_rule import window_rule


def test_segmented_windows_expand_to_the_base_windows(tmp_path: Path) -> None:
    table = folders.rows(60, 12)
    schema = replace(folders.tokenizer(table).schema, composite=dt.Composite(vocabulary_size=40))
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table)
    folder = folders.write(tmp_path / "encoded", table, tokenizer)
    rule = window_rule(tokenizer)
    segment, _ = build_segmentation(tokenizer, Recipe(segmentation="spr"))
    source = HistorySource(open_shards(folder), "train")
    base, spr = Loader(source, rule, 64, 3), Loader(source, rule, 64, 3, segment=segment)
    seen = []
    for before, after in islice(zip(base.batches(), spr.batches(), strict=False), 30):
        windows = after.windows
        assert tokenizer.segmenter is not None
        expanded = tokenizer.segmenter.expand(windows.ids, windows.offsets)
        assert expanded.ids.tolist() == before.windows.ids.tolist()
        assert expanded.offsets.tolist() == before.windows.offsets.tolist()
        seen.append(windows)
    pairs = [(a, b) for a in seen for b in seen if a is not b]
    first = {
        (int(e), int(f)): _window(seen[0], i)
        for i, (e, f) in enumerate(zip(seen[0].entities, seen[0].firsts, strict=True))
    }
    again = [
        (first[key], _window(other, i))
        for _, other in pairs[: len(seen) - 1]
        for i, key in enumerate(zip(other.entities.tolist(), other.firsts.tolist(), strict=True))
        if key in first
    ]
    assert any(left != right for left, right in again)
    assert sum(len(windows.ids) for windows in seen) < sum(
        len(batch.windows.ids) for batch in islice(base.batches(), 30)
    )


def test_a_model_of_composites_says_so_and_counts_events_and_expects_some() -> None:
    table = folders.rows(40, 10)
    schema = replace(folders.tokenizer(table).schema, composite=dt.Composite(vocabulary_size=40))
    tokenizer = dt.DomainTokenizer(schema, threads=1).fit(table)
    recipe = replace(Recipe(), preset="54k", segmentation="greedy")
    model = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites).eval()
    assert model.config.composites
    streams = tokenizer.encode(table)
    made = streams.composites()
    counted = int(model.events_in[np.asarray(made.ids, np.int64)].sum())
    assert counted == streams.events
    assert len(made.ids) < len(streams.ids)
    lines = describe_next_event(
        model, tokenizer, np.asarray(streams[int(np.argmax(np.diff(streams.offsets)))], np.int64)
    )
    assert sum(line.startswith("expected") for line in lines) == 3


def test_composites_that_are_not_there_are_refused(tmp_path: Path) -> None:
    tokenizer = folders.tokenizer(folders.rows(5, 5))
    with pytest.raises(SchemaError, match="no composites"):
        build_segmentation(tokenizer, Recipe(segmentation="greedy"))


def _window(windows, number: int) -> list[int]:  # type: ignore[no-untyped-def]
    ids: np.ndarray = windows.ids  # type: ignore[type-arg]
    return ids[windows.offsets[number] : windows.offsets[number + 1]].tolist()  # type: ignore[no-any-return]
