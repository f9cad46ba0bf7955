"""Files of an attacker, with right checksums: an error that says so, or an ordinary output; nothing else."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import forgeries
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pytest
from event_rows import SCHEMA, events

from domaintoolkit.errors import ArtifactError, DomainToolkitError
from domaintoolkit.jobs import decode_rows, encode
from domaintoolkit.jobs.decoding import folder_tokenizer
from domaintoolkit.schema import Text
from domaintoolkit.storage import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.util.artifacts import read_json, write_json

TABLE = events(200)
FORGED = 150


@pytest.fixture(scope="module")
def encoded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoded folder; not to be changed."""
    schema = replace(SCHEMA, fields=(*SCHEMA.fields, Text("note", vocabulary_size=280)), composite=None)
    table = TABLE.append_column("note", pa.array(["red shoe"] * len(TABLE)))
    out = tmp_path_factory.mktemp("encoded") / "out"
    encode(DomainTokenizer(schema, threads=1).fit(table), table, out, shards=1, threads=1)
    return out


@pytest.fixture
def folder(encoded: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(encoded, tmp_path / "out")


def use(folder: Path) -> None:
    """Read all of a folder, and encode a row with its tokenizer."""
    opened = open_encoded(folder)
    tokenizer = folder_tokenizer(opened)
    rows = list(decode_rows(opened, tokenizer))
    tokenizer.encode(rows[0].slice(0, 1))


@pytest.mark.slow
def test_any_value_of_a_json_file_may_be_forged(folder: Path) -> None:
    draw = random.Random(14)
    paths = sorted(folder.rglob("*.json"))
    use(folder)
    for _ in range(FORGED):
        path = draw.choice(paths)
        whole = path.read_bytes()
        what = forgeries.forge(path, draw)
        try:
            with suppress(DomainToolkitError):
                use(folder)
        except Exception as error:
            pytest.fail(f"{what}: {error!r}")
        path.write_bytes(whole)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data["shards"][0].update(file="../../secret"), "shards"),
        (lambda data: data["shards"][0].update(file="/dev/zero"), "shards"),
        (lambda data: data["shards"][0].update(file="shards/../../secret.arrow"), "shards"),
        (lambda data: data["shards"][0].update(events=1 << 70), "events"),
        (lambda data: data["shards"][0].update(tokens=-1), "tokens"),
        (lambda data: data["vocabulary"].update(size=1 << 40), "vocabulary"),
        (lambda data: data.update(set_aside={"file": "/etc/passwd", "rows": 1, "bytes": 1, "sha256": ""}), "set_aside"),
        (lambda data: data.pop("shards"), "shards"),
    ],
)
def test_a_forged_manifest_names_no_other_file_and_no_count_beyond_reason(
    folder: Path, change: Callable[[dict[str, Any]], object], words: str
) -> None:
    path = folder / "manifest.json"
    data = json.loads(path.read_bytes())
    head = {name: data.pop(name) for name in ("format", "version", "checksum")}
    change(data)
    write_json(path, head["format"], head["version"], data)
    with pytest.raises(ArtifactError, match=words):
        open_encoded(folder)


def put(array: pa.Array, place: int, value: Any) -> pa.Array:
    """The array with another value at a place."""
    values = array.to_pylist()
    values[place] = value
    return pa.array(values, array.type)


def test_a_tokenizer_names_no_file_elsewhere(folder: Path) -> None:
    path = folder / "tokenizer" / "tokenizer.json"
    data = json.loads(path.read_bytes())
    head = {name: data.pop(name) for name in ("format", "version", "checksum")}
    data["files"]["../../../../dev/zero"] = ""
    write_json(path, head["format"], head["version"], data)
    with pytest.raises(ArtifactError, match="does not list the files of a tokenizer"):
        DomainTokenizer.load(folder / "tokenizer")


@pytest.mark.parametrize(
    ("column", "forge", "words"),
    [
        ("ids", lambda row: [*row[:-1], 60_000], "an id is not one of the"),
        ("ids", lambda row: row[:3], "an event begins outside its stream"),
        ("ids", lambda row: None, "ids or event starts are null"),
        ("ids", lambda row: [None, *row], "ids or event starts are null"),
        ("event_starts", lambda row: [-1, *row[1:]], "an event begins outside its stream"),
        ("event_starts", lambda row: [*row[:-1], 1 << 30], "an event begins outside its stream"),
        ("event_starts", lambda row: [row[0], *row], "an event begins outside its stream"),
        ("times", lambda row: row[1:], "times: not one value an event"),
        ("labels", lambda row: {name: values[1:] for name, values in row.items()}, "labels: not one value an event"),
        ("split", lambda row: "other", "a row is of no split"),
    ],
)
def test_a_forged_shard_is_refused_before_it_is_used(
    folder: Path, column: str, forge: Callable[[Any], Any], words: str
) -> None:
    path = folder / "shards" / "00000.arrow"
    with pa.OSFile(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    array = table[column].combine_chunks()
    place = table.schema.get_field_index(column)
    table = table.set_column(place, column, put(array, 3, forge(array[3].as_py())))
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    write_manifest(folder, path)
    with pytest.raises(ArtifactError, match=words):
        use(folder)


def test_a_shard_with_offsets_beyond_its_buffers_is_refused(folder: Path) -> None:
    path = folder / "shards" / "00000.arrow"
    raw = bytearray(path.read_bytes())
    with pa.memory_map(str(path)) as file:
        ids = pa.ipc.open_file(file).read_all()["ids"].chunk(0)
    offsets = ids.offsets.to_numpy().tobytes()
    at = raw.find(offsets)
    raw[at + len(offsets) - 4 : at + len(offsets)] = np.int32(1 << 30).tobytes()
    path.write_bytes(raw)
    write_manifest(folder, path)
    with pytest.raises(ArtifactError):
        use(folder)


def write_manifest(folder: Path, shard: Path) -> None:
    """Give a changed shard its checksum."""
    data = json.loads((folder / "manifest.json").read_bytes())
    head = {name: data.pop(name) for name in ("format", "version", "checksum")}
    raw = shard.read_bytes()
    data["shards"][0] |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    write_json(folder / "manifest.json", head["format"], head["version"], data)
    assert read_json(folder / "manifest.json", head["format"], head["version"])
