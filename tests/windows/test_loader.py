"""The loader: each block once an epoch, over any number of ranks, from any position; splits never meet."""

from __future__ import annotations

from functools import cache
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import domaintoolkit as dt
from domaintoolkit.errors import DataError
from domaintoolkit.windows.loader import Loader, WindowBatch
from domaintoolkit.windows.packing import WindowRule, Windows
from domaintoolkit.windows.shard_histories import HistorySource, open_shards
from domaintoolkit.windows.window_rule import window_rule


@cache
def _rule(folder: Path) -> WindowRule:
    return window_rule(dt.DomainTokenizer.load(folder / "tokenizer"))


@cache
def _shards(folder: Path) -> list[pa.RecordBatch]:
    return open_shards(folder)


def loader(folder: Path, split: str | None = "train", chunk: int = 500, **options: object) -> Loader:
    settled: dict[str, object] = {"block": 64, "batch": 3, "seed": 5, **options}
    return Loader(HistorySource(_shards(folder), split, chunk), _rule(folder), **settled)  # type: ignore[arg-type]


def events(batches: list[WindowBatch]) -> list[tuple[int, int]]:
    """(entity, first event) of every window."""
    return [
        pair
        for batch in batches
        for pair in zip(batch.windows.entities.tolist(), batch.windows.firsts.tolist(), strict=True)
    ]


@settings(max_examples=10)
@given(
    seed=st.integers(0, 100), ranks=st.integers(1, 3), batch=st.integers(1, 4), chunk=st.sampled_from([50, 700, 10**6])
)
@pytest.mark.slow
def test_an_epoch_holds_every_block_once_over_all_ranks(
    encoded: Path, seed: int, ranks: int, batch: int, chunk: int
) -> None:
    made = [loader(encoded, chunk=chunk, seed=seed, batch=batch, share=(rank, ranks)) for rank in range(ranks)]
    whole = sorted(events(list(loader(encoded, chunk=chunk).once())))
    assert len(set(whole)) == len(whole)
    each = -(-made[0].blocks // (batch * ranks))
    found: list[tuple[int, int]] = []
    for number in range(each):
        for rank in made:
            found += events([next(rank.batches(number))])
    assert set(found) == set(whole)
    shared = [events(list(loader(encoded, chunk=chunk, share=(rank, ranks)).once())) for rank in range(ranks)]
    assert sorted(chain.from_iterable(shared)) == whole


def test_it_goes_on_from_any_position_and_the_epochs_differ(encoded: Path) -> None:
    made = loader(encoded)
    first = list(islice(made.batches(), 40))
    for start in (1, 7, 23):
        again = list(islice(loader(encoded).batches(start), 5))
        assert [batch.windows.ids.tolist() for batch in again] == [
            batch.windows.ids.tolist() for batch in first[start : start + 5]
        ]
    steps = made.blocks // 3
    assert events(first[:steps]) != events(first[steps : 2 * steps])
    assert events(first[:2]) != events(list(islice(loader(encoded, seed=6).batches(), 2)))


def test_splits_have_no_entity_in_common(encoded: Path) -> None:
    splits = [
        {entity for entity, _ in events(list(loader(encoded, split).once()))}
        for split in ("train", "validation", "test")
    ]
    assert sum(map(len, splits)) == len(set().union(*splits)) == 120


@pytest.mark.slow
def test_every_window_is_a_stream_of_its_own(encoded: Path) -> None:
    """Decoded and encoded again it is the same: its anchor and its first delta are those of its own first event."""
    tokenizer = dt.DomainTokenizer.load(encoded / "tokenizer")
    made = loader(encoded, block=48)
    assert any(first for _, first in events(list(made.once())))
    for batch in made.once():
        windows = batch.windows
        assert not windows.lost.any()
        for low, high in zip(windows.offsets[:-1], windows.offsets[1:], strict=True):
            ids = windows.ids[low:high]
            again = tokenizer.encode(tokenizer.decode(ids, [0, len(ids)]))
            assert again[0].tolist() == ids.tolist()


def test_composites_are_put_in_after_blocks_are_made(encoded: Path) -> None:
    """Every block once, whatever becomes of its windows; rows are filled up again."""

    def halved(windows: Windows, epoch: int) -> Windows:
        lengths = -(-np.diff(windows.offsets) // (2 + epoch))
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        return Windows(
            windows.ids[: offsets[-1]],
            offsets,
            windows.rows,
            windows.entities,
            windows.firsts,
            windows.events,
            windows.lost,
        )

    plain, cut = loader(encoded), loader(encoded, segment=halved)
    for before, after in islice(zip(plain.batches(), cut.batches(), strict=False), 20):
        assert events([before]) == events([after])
        assert after.rows <= before.rows
        assert np.bincount(after.windows.rows, np.diff(after.windows.offsets)).max() <= 64


def test_an_empty_split_is_refused(encoded: Path) -> None:
    made = loader(encoded, block=5)
    with pytest.raises(DataError, match="nothing to train on"):
        next(made.batches())
