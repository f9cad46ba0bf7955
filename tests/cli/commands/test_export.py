"""`export`, and composites on the way to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import Result

from domaintoolkit import DomainTokenizer, Vocabulary, get_domain
from domaintoolkit.reading import open_source

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


@pytest.mark.slow
def test_the_round_trip_holds_with_composites(run: Run, composed: Path, rows_file: Path) -> None:
    assert "composites, greedy and spr," in run("verify", composed, rows_file).stdout
    said = run("inspect", composed, "--limit", 2).stdout
    assert "    = [" in said


@pytest.mark.slow
@pytest.mark.parametrize("name", ["streams.parquet", "streams.arrow"])
@pytest.mark.parametrize("composites", ["base", "greedy", "spr"])
def test_streams(as_data: Data, composed: Path, tmp_path: Path, name: str, composites: str) -> None:
    file = tmp_path / name
    count = as_data("export", composed, "--streams", file, "--composites", composites)["streams"]["count"]
    table = pyarrow.parquet.read_table(file) if name.endswith("parquet") else pa.ipc.open_file(file).read_all()
    shard = pa.ipc.open_file((composed / "shards" / "00000.arrow").read_bytes()).read_all()
    assert (count, table.column_names) == (shard.num_rows, shard.column_names)
    tokenizer = DomainTokenizer.load(composed / "tokenizer")
    assert tokenizer.segmenter is not None
    flat, offsets = table["ids"].combine_chunks(), table["ids"].combine_chunks().offsets.to_numpy().astype("int64")
    if composites == "base":
        assert table["ids"].to_pylist() == shard["ids"].to_pylist()
    elif composites == "greedy":
        back = tokenizer.segmenter.expand(flat.values.to_numpy(), offsets)
        assert back.ids.tolist() == shard["ids"].combine_chunks().values.to_pylist()


def test_shuffled_composites_are_those_of_streams_in_memory(
    as_data: Data, composed: Path, rows_file: Path, tmp_path: Path
) -> None:
    as_data("export", composed, "--streams", tmp_path / "spr.parquet", "--composites", "spr")
    exported = pyarrow.parquet.read_table(tmp_path / "spr.parquet")
    tokenizer = DomainTokenizer.load(composed / "tokenizer")
    batches = [batch.records for batch in open_source(str(rows_file), get_domain("ecommerce").reader).batches()]
    streams = tokenizer.encode(pa.Table.from_batches([batch for batch in batches if len(batch)]))
    for made in (streams, streams.select(np.arange(0, len(streams), 3))):
        made = made.composites("spr")
        found = {key: made[place].tolist() for place, key in enumerate(made.entities["user_id"].to_pylist())}
        rows = zip(exported["user_id"].to_pylist(), exported["ids"].to_pylist(), strict=True)
        assert found == {key: ids for key, ids in rows if key in found}


def test_one_split(as_data: Data, composed: Path, tmp_path: Path) -> None:
    as_data("export", composed, "--streams", tmp_path / "test.parquet", "--split", "test")
    assert set(pyarrow.parquet.read_table(tmp_path / "test.parquet")["split"].to_pylist()) <= {"test"}


@pytest.mark.slow
def test_the_vocabulary(as_data: Data, composed: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    as_data("export", composed, "--vocabulary", tmp_path / "v.json", "--huggingface", tmp_path / "hf")
    known = Vocabulary.load(composed / "tokenizer")
    assert Vocabulary.from_json(tmp_path / "v.json") == known
    loaded = AutoTokenizer.from_pretrained(str(tmp_path / "hf"))
    assert loaded.convert_ids_to_tokens([5, len(known) - 1]) == [known.names[5], known.names[-1]]


def test_usage(run: Run, encoded: Path, tmp_path: Path) -> None:
    assert run("export", encoded).exit_code == 2
    assert run("export", encoded, "--streams", tmp_path / "x.txt").exit_code == 2
    none = run("export", encoded, "--streams", tmp_path / "x.arrow", "--composites", "greedy")
    assert (none.exit_code, "no composites" in none.stderr) == (2, True)
    assert run("export", tmp_path, "--vocabulary", tmp_path / "v.csv").exit_code == 1
    assert run("encode", "-d", "ads", "--tokenizer", encoded / "tokenizer", "--composites", 5).exit_code == 2
