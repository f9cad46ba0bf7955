"""Shards: what goes in comes out, in hash order, in the same bytes, and any change of a byte is noticed."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from encoded_rows import Histories, histories, rows_of
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, SchemaError
from domaintoolkit.storage import shards as _shards
from domaintoolkit.storage.shards import read_shard, shard_table, write_shard
from domaintoolkit.streams.keys import SPLITS, hash_keys, split_of
from domaintoolkit.util.arrow import to_plain


@given(histories)
def test_rows_come_back_in_hash_order(made: Histories) -> None:
    table = shard_table(rows_of(made))
    keys = table.select(["user"])
    hashes = hash_keys(keys)
    assert np.all(hashes[:-1] <= hashes[1:])
    assert table["split"].to_pylist() == [SPLITS[split] for split in split_of(hashes)]
    for row in table.to_pylist():
        events = made[row["user"]]
        assert row["ids"] == [0, *(token for event in events for token in event)]
        assert row["event_starts"] == list(1 + np.cumsum([0, *map(len, events)])[:-1])
        assert len(row["times"]) == len(row["labels"]["odd"]) == len(events)
        assert row["last_session"] == (None if len(row["user"]) % 2 else row["user"])


@given(histories, st.integers(1, 30))
def test_files_hold_the_table_whatever_their_batches(made: Histories, batch: int) -> None:
    table = shard_table(rows_of(made))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shards, "BATCH_TOKENS", batch)
        entry = write_shard(Path(name), 3, table)
        assert entry.file == "shards/00003.arrow"
        assert read_shard(Path(name), entry).equals(table)
        assert entry.entities == len(made) == sum(counts["entities"] for counts in entry.splits.values())
        assert entry.events == sum(map(len, made.values()))
        assert entry.tokens == len(rows_of(made).ids)


@pytest.mark.slow
@given(histories)
def test_equal_rows_have_equal_bytes(made: Histories) -> None:
    """Also where what lies under nulls, or in how many pieces and layouts the columns come, differs."""
    rows = rows_of(made)
    assert rows.labels is not None
    assert rows.last_session is not None
    flags = rows.labels["odd"].combine_chunks()
    half = len(flags) // 2
    other = replace(
        rows,
        entities=pa.table({"user": rows.entities["user"].cast(pa.large_string())}),
        labels=pa.table({"odd": pa.chunked_array([flags.slice(0, half), flags.slice(half)])}),
        last_session=rows.last_session.dictionary_encode(),
    )
    with tempfile.TemporaryDirectory() as name:
        first = write_shard(Path(name), 0, shard_table(rows))
        second = write_shard(Path(name), 0, shard_table(other))
    assert first == second


def test_what_lies_under_nulls_does_not_reach_the_file(tmp_path: Path) -> None:
    made: Histories = {str(number): [[1, 2]] for number in range(40)}
    rows = rows_of(made)
    mask = np.arange(40) % 3 == 0
    entries = []
    for rest in (7, 8):
        numbers = np.where(mask, rest, np.arange(40))
        valid = pa.py_buffer(np.packbits(~mask, bitorder="little"))
        price = pa.Array.from_buffers(pa.int64(), 40, [valid, pa.py_buffer(numbers)])
        changed = replace(rows, labels=pa.table({"price": price}), last_session=price)
        entries.append(write_shard(tmp_path, 0, shard_table(changed)))
    assert entries[0].sha256 == entries[1].sha256


@pytest.mark.slow
@given(histories.filter(bool), st.data())
def test_every_flipped_byte_and_every_cut_is_noticed(made: Histories, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        entry = write_shard(Path(name), 0, shard_table(rows_of(made)))
        path = Path(name) / entry.file
        raw = bytearray(path.read_bytes())
        cut = data.draw(st.integers(0, len(raw) - 1))
        path.write_bytes(raw[:cut])
        with pytest.raises(ArtifactError, match=r"00000\.arrow: is cut short"):
            read_shard(Path(name), entry)
        raw[cut] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(raw)
        with pytest.raises(ArtifactError, match=r"00000\.arrow: was altered: its checksum"):
            read_shard(Path(name), entry)


def test_a_missing_shard_is_named(tmp_path: Path) -> None:
    entry = write_shard(tmp_path, 0, shard_table(rows_of({"a": [[1]]})))
    (tmp_path / entry.file).unlink()
    with pytest.raises(ArtifactError, match=r"00000\.arrow: No such file"):
        read_shard(tmp_path, entry)


def test_a_key_column_with_a_name_of_ours_is_refused() -> None:
    rows = rows_of({"a": [[1]]})
    clash = replace(rows, entities=rows.entities.rename_columns(["ids"]))
    with pytest.raises(SchemaError, match="column 'ids' has the name of a shard's own column"):
        shard_table(clash)


@given(st.lists(st.none() | st.text(max_size=3)))
def test_plain_columns_are_of_one_layout(values: list[str | None]) -> None:
    array = pa.array(values, pa.string())
    for layout in (array, array.cast(pa.large_string()), array.cast(pa.string_view()), array.dictionary_encode()):
        assert to_plain(pa.chunked_array([layout])).equals(array)
