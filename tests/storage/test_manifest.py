"""The manifest: saved and loaded, the same bytes, and refused when it is not whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, NewerVersionError
from domaintoolkit.storage.manifest import MANIFEST, Manifest, ShardEntry
from domaintoolkit.storage.readme import is_readme_whole

entries = st.builds(
    ShardEntry,
    file=st.just("shards/00000.arrow"),
    entities=st.integers(0, 9),
    events=st.integers(0, 99),
    tokens=st.integers(0, 999),
    bytes=st.integers(0, 9999),
    sha256=st.just("ab"),
    splits=st.fixed_dictionaries({"train": st.fixed_dictionaries({"entities": st.integers(0, 9)})}),
)
manifests = st.builds(
    Manifest,
    schema=st.just({"entity": ["user"]}),
    vocabulary=st.just({"size": 3, "hash": "00", "generations": [[3, "00"]]}),
    columns=st.just({"user": "int64"}),
    shards=st.lists(entries, max_size=3).map(tuple),
    counts=st.just({"rows_in": 4}),
    reader=st.none() | st.just({"format": "csv"}),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(manifests)
def test_load_after_save(tmp_path: Path, manifest: Manifest) -> None:
    manifest.save(tmp_path)
    first = (tmp_path / MANIFEST).read_bytes()
    loaded = Manifest.load(tmp_path)
    assert loaded == replace(manifest, readme=loaded.readme)
    assert is_readme_whole(tmp_path, loaded.readme)
    Manifest.load(tmp_path).save(tmp_path)
    assert (tmp_path / MANIFEST).read_bytes() == first


@given(manifests)
def test_totals_are_sums_over_the_shards(manifest: Manifest) -> None:
    assert manifest.totals == {
        name: sum(getattr(shard, name) for shard in manifest.shards) for name in ("entities", "events", "tokens")
    }
    if manifest.shards:
        assert manifest.splits["train"]["entities"] == sum(s.splits["train"]["entities"] for s in manifest.shards)


def test_a_folder_without_manifest_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"manifest\.json: does not exist"):
        Manifest.load(tmp_path)


def test_an_altered_or_newer_manifest_is_refused(tmp_path: Path) -> None:
    path = tmp_path / MANIFEST
    Manifest({}, {}, {}, (), {"rows_in": 41}).save(tmp_path)
    whole = path.read_text()
    path.write_text(whole.replace("41", "14"))
    with pytest.raises(ArtifactError, match="was altered"):
        Manifest.load(tmp_path)
    path.write_text(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match="cut short"):
        Manifest.load(tmp_path)
    path.write_text(json.dumps({**json.loads(whole), "version": 99}))
    with pytest.raises(NewerVersionError, match="has format version 99"):
        Manifest.load(tmp_path)
