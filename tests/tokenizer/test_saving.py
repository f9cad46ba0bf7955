"""A tokenizer as a folder: every file of it is checked, whoever reads it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, NewerVersionError, OutputError
from domaintoolkit.schema import Categorical, Composite, Schema, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.saving import FILE, FORMAT, VERSION
from domaintoolkit.util.artifacts import read_json, write_json

SCHEMA = Schema(
    entity=("user",),
    time="at",
    fields=(Categorical("what"), Timestamp("at")),
    composite=Composite(vocabulary_size=5, min_weight=0.0),
)
TABLE = {"user": [1, 1, 2, 2], "at": ["2024-01-01", "2024-01-02"] * 2, "what": ["a", "b", "a", "b"]}
FILES = ["composites.json", "composites.tsv", "schema.toml", "tokenizer.json", "vocabulary.json"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "tokenizer"
    DomainTokenizer(SCHEMA).fit(TABLE).save(folder)
    return folder


def test_a_loaded_tokenizer_is_the_one_that_was_saved(saved: Path, tmp_path: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == FILES
    fitted, loaded = DomainTokenizer(SCHEMA).fit(TABLE), DomainTokenizer.load(saved)
    assert np.array_equal(loaded.encode(TABLE).ids, fitted.encode(TABLE).ids)
    loaded.save(tmp_path / "again")
    assert all((tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes() for name in FILES)


@pytest.mark.parametrize("name", FILES)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_no_file_may_be_altered(saved: Path, name: str, place: float, bit: int, cut: bool) -> None:
    path = saved / name
    whole = path.read_bytes()
    at = int(place * len(whole))
    broken = whole[:at] if cut else whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :]
    path.write_bytes(broken)
    try:
        with pytest.raises(ArtifactError) as caught:
            DomainTokenizer.load(saved)
    finally:
        path.write_bytes(whole)
    assert caught.value.path == str(path)


@pytest.mark.parametrize("name", FILES)
def test_no_file_may_be_missing(saved: Path, name: str) -> None:
    whole = (saved / name).read_bytes()
    (saved / name).unlink()
    with pytest.raises(ArtifactError, match=name):
        DomainTokenizer.load(saved)
    (saved / name).write_bytes(whole)


def test_a_newer_version_is_named(saved: Path) -> None:
    path = saved / "tokenizer.json"
    whole = path.read_bytes()
    path.write_text(json.dumps({**json.loads(whole), "version": 2}))
    with pytest.raises(
        NewerVersionError, match="has format version 2, but this version of domaintoolkit reads at most 1"
    ):
        DomainTokenizer.load(saved)
    path.write_bytes(whole)


def test_an_encoded_folder_is_told_from_its_tokenizer(saved: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"is an encoded folder; its tokenizer is {saved}"):
        DomainTokenizer.load(saved.parent)


def test_what_else_a_folder_holds_is_kept(tmp_path: Path) -> None:
    tokenizer = DomainTokenizer(SCHEMA).fit(TABLE)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds something other than a tokenizer"):
        tokenizer.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_vocabulary_of_another_size_than_its_encoders_is_refused(tmp_path: Path) -> None:
    DomainTokenizer(replace(SCHEMA, composite=None)).fit(TABLE).save(tmp_path)
    payload = read_json(tmp_path / FILE, FORMAT, VERSION)
    what = payload["fields"][0]
    payload["fields"][0] = {**what, "levels": what["levels"][:-1], "values": what["values"][:-1]}
    write_json(tmp_path / FILE, FORMAT, VERSION, payload)
    with pytest.raises(ArtifactError, match="tokens, but the encoders have"):
        DomainTokenizer.load(tmp_path)
