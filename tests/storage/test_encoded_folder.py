"""An encoded folder: opened, read without copies, refused when damaged, and opened by `datasets`."""

from __future__ import annotations

from pathlib import Path

import datasets
import numpy as np
import pytest
from encoded_rows import Histories, folder_of, rows_of

from domaintoolkit.errors import ArtifactError, LookupFailedError
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.streams.keys import SPLITS

FIRST: Histories = {f"u{number}": [[number, 2], [3]] for number in range(30)}
SECOND: Histories = {f"v{number}": [[number]] * 4 for number in range(9)}


def test_views_of_every_row(tmp_path: Path) -> None:
    encoded = open_encoded(folder_of(tmp_path, FIRST, SECOND))
    seen = {}
    for rows in encoded.streams():
        assert not rows.ids.flags.owndata
        assert not rows.event_starts.flags.owndata
        assert rows.ids.dtype == np.uint16
        assert rows.number == len(seen)
        for row, key in enumerate(rows.table["user"].to_pylist()):
            ids = rows.ids[rows.offsets[row] : rows.offsets[row + 1]]
            starts = rows.event_starts[rows.event_offsets[row] : rows.event_offsets[row + 1]]
            seen[key] = [part.tolist() for part in np.split(ids, starts)[1:]]
    assert seen == FIRST | SECOND
    assert encoded.manifest.totals["entities"] == len(seen)
    assert encoded.tokenizer_folder == tmp_path / "tokenizer"


def test_splits_part_the_rows(tmp_path: Path) -> None:
    encoded = open_encoded(folder_of(tmp_path, FIRST, SECOND))
    numbers = [
        rows.number + row for split in SPLITS for rows in encoded.streams(split) for row in rows.selected.tolist()
    ]
    assert sorted(numbers) == list(range(len(FIRST) + len(SECOND)))
    with pytest.raises(LookupFailedError, match="unknown split 'dev'; available: test, train, validation"):
        list(encoded.streams("dev"))


def test_a_damaged_shard_is_refused_when_it_is_read(tmp_path: Path) -> None:
    encoded = open_encoded(folder_of(tmp_path, FIRST, SECOND))
    path = encoded.shards[1]
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
    assert encoded.table(0).num_rows == len(FIRST)
    with pytest.raises(ArtifactError, match=r"00001\.arrow: was altered"):
        encoded.table(1)
    assert open_encoded(tmp_path, verify=False).table(1).num_rows == len(SECOND)


def test_datasets_opens_the_shards(tmp_path: Path) -> None:
    encoded = open_encoded(folder_of(tmp_path, FIRST, SECOND))
    single = datasets.Dataset(encoded.table(0))
    assert len(single) == len(FIRST)
    files = [str(path) for path in encoded.shards]
    cache = str(tmp_path / "cache")
    whole = datasets.load_dataset("arrow", data_files=files, split="train", cache_dir=cache)
    assert len(whole) == len(FIRST) + len(SECOND)
    assert sum(map(len, whole["ids"])) == len(rows_of(FIRST).ids) + len(rows_of(SECOND).ids)


def test_what_is_no_encoded_folder_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="none: does not exist"):
        open_encoded(tmp_path / "none")
    with pytest.raises(ArtifactError, match=r"is not an encoded folder: it has no manifest\.json"):
        open_encoded(tmp_path)
    (tmp_path / "unfinished.json").touch()
    with pytest.raises(ArtifactError, match="holds an unfinished encoding"):
        open_encoded(tmp_path)
