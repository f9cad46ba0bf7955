"""A tokenizer as a folder: every file of it is checked, whoever reads it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, NewerVersionError, NotFittedError, OutputError
from domaintoolkit.schema import Categorical, Composite, Schema, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer, saving
from domaintoolkit.tokenizer.saving import FILE, FORMAT, VERSION
from domaintoolkit.util.artifacts import read_json, write_json

SCHEMA = Schema(
    entity=("user",),
    time="at",
    fields=(Categorical("what"), Timestamp("at")),
    composite=Composite(vocabulary_size=5, min_weight=0.0),
)
TABLE = {"user": [1, 1, 2, 2], "at": ["2024-01-01", "2024-01-02"] * 2, "what": ["a", "b", "a", "b"]}
FILES = ["composites.json", "composites.tsv", "counts.arrow", "schema.toml", "tokenizer.json", "vocabulary.json"]


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


def test_an_older_version_is_named(saved: Path) -> None:
    """Its tokens may have other places."""
    path = saved / "tokenizer.json"
    whole = path.read_bytes()
    path.write_text(json.dumps({**json.loads(whole), "version": VERSION - 1}))
    with pytest.raises(ArtifactError, match=f"has format version {VERSION - 1}, .* reads {VERSION}; make it again"):
        DomainTokenizer.load(saved)
    path.write_bytes(whole)


def test_a_newer_version_is_named(saved: Path) -> None:
    path = saved / "tokenizer.json"
    whole = path.read_bytes()
    path.write_text(json.dumps({**json.loads(whole), "version": VERSION + 1}))
    with pytest.raises(
        NewerVersionError,
        match=f"has format version {VERSION + 1}, but this version of domaintoolkit reads at most {VERSION}",
    ):
        DomainTokenizer.load(saved)
    path.write_bytes(whole)


def test_an_encoded_folder_is_told_from_its_tokenizer(saved: Path) -> None:
    with pytest.raises(ArtifactError, match=rf"is an encoded folder; its tokenizer is {saved}"):
        DomainTokenizer.load(saved.parent)


def test_a_file_in_the_place_of_the_folder_is_an_error(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: not a directory"):
        DomainTokenizer.load(saved).save(tmp_path / "file")


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


OTHER = {"user": [3, 3, 4], "at": ["2025-01-01"] * 3, "what": ["b", "c", "\n"]}
PLAIN = replace(SCHEMA, composite=None)


def content(tokenizer: DomainTokenizer, folder: Path) -> dict[str, bytes]:
    tokenizer.save(folder)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("schema", [SCHEMA, PLAIN], ids=["composites", "plain"])
@pytest.mark.parametrize("way", ["merge", "merge_into", "partial_fit", "extend", "fit", "fit_composites"])
def test_a_loaded_tokenizer_goes_on_as_if_it_was_never_saved(schema: Schema, way: str, tmp_path: Path) -> None:
    here = DomainTokenizer(schema).fit(TABLE)
    here.save(tmp_path / "saved")
    loaded = DomainTokenizer.load(tmp_path / "saved")
    for number, tokenizer in enumerate((here, loaded)):
        assert tokenizer.has_counts
        if way == "merge":
            tokenizer.merge(DomainTokenizer(schema).fit(OTHER))
        elif way == "merge_into":
            tokenizer = DomainTokenizer(schema).fit(OTHER).merge(tokenizer)
        elif way == "fit_composites":
            tokenizer.fit_composites(tokenizer.encode(TABLE), Composite(vocabulary_size=9, min_weight=0.0))
        else:
            getattr(tokenizer, way)(OTHER)
        content(tokenizer, tmp_path / str(number))
    assert content(here, tmp_path / "a") == content(loaded, tmp_path / "b")
    assert here.vocabulary == loaded.vocabulary


def test_merging_loaded_tokenizers_counts_the_rows_of_all(tmp_path: Path) -> None:
    for name, table in (("one", TABLE), ("two", OTHER)):
        DomainTokenizer(PLAIN).fit(table).save(tmp_path / name)
    merged = DomainTokenizer.load(tmp_path / "one").merge(DomainTokenizer.load(tmp_path / "two"))
    whole = DomainTokenizer(PLAIN).fit({name: [*TABLE[name], *OTHER[name]] for name in TABLE})
    assert content(merged, tmp_path / "merged") == content(whole, tmp_path / "whole")
    assert content(merged.merge(merged), tmp_path / "twice")["vocabulary.json"] == (
        (tmp_path / "whole" / "vocabulary.json").read_bytes()
    )


@pytest.mark.parametrize("lack", ["saved without", "too many", "extended"])
def test_a_tokenizer_without_counts_says_so(lack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if lack == "too many":
        monkeypatch.setattr(saving, "SMALL", 100)
    tokenizer = DomainTokenizer(PLAIN).fit(TABLE)
    if lack == "extended":
        tokenizer.extend(OTHER)
    tokenizer.save(tmp_path / "saved", counts=False if lack == "saved without" else "auto")
    assert not (tmp_path / "saved" / "counts.arrow").exists()
    loaded = DomainTokenizer.load(tmp_path / "saved")
    assert not loaded.has_counts
    before = loaded.vocabulary
    with pytest.raises(NotFittedError, match=r"this tokenizer has no counts to merge: .*counts=True.*extended"):
        loaded.merge(DomainTokenizer(PLAIN).fit(OTHER))
    with pytest.raises(NotFittedError, match="the other tokenizer has no counts to merge"):
        DomainTokenizer(PLAIN).fit(OTHER).merge(loaded)
    with pytest.raises(NotFittedError, match="has no counts to add to"):
        loaded.partial_fit(OTHER)
    with pytest.raises(NotFittedError, match="has no counts to save"):
        loaded.save(tmp_path / "again", counts=True)
    assert loaded.vocabulary == before
    if lack == "too many":
        tokenizer.save(tmp_path / "saved", counts=True)
        assert DomainTokenizer.load(tmp_path / "saved").has_counts


def test_counts_that_are_none_are_refused(tmp_path: Path) -> None:
    DomainTokenizer(PLAIN).fit(TABLE).save(tmp_path)
    forged = pa.table({"part": ["rows"], "table": [b"no table"]})
    with pa.ipc.new_file(str(tmp_path / "counts.arrow"), forged.schema) as file:
        file.write(forged)
    payload = read_json(tmp_path / FILE, FORMAT, VERSION)
    payload["files"]["counts.arrow"] = hashlib.sha256((tmp_path / "counts.arrow").read_bytes()).hexdigest()
    write_json(tmp_path / FILE, FORMAT, VERSION, payload)
    loaded = DomainTokenizer.load(tmp_path)
    assert loaded.encode(TABLE).events == 4
    with pytest.raises(ArtifactError, match="does not hold the counts"):
        loaded.partial_fit(OTHER)
