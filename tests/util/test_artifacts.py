from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.errors import ArtifactError, NewerVersionError
from domaintoolkit.util.artifacts import read_json, write_json

KEYS = st.text(max_size=4).filter(lambda key: key not in ("format", "version", "checksum"))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
PAYLOAD = st.dictionaries(KEYS, PLAIN, max_size=3)


@given(PAYLOAD)
def test_reads_what_was_written(tmp_path_factory: pytest.TempPathFactory, payload: dict[str, Any]) -> None:
    path = tmp_path_factory.mktemp("json") / "deep" / "file.json"
    write_json(path, "things", 1, payload)
    assert read_json(path, "things", 1) == payload
    assert json.loads(path.read_bytes()) == {**json.loads(path.read_bytes()), **payload}


@given(PAYLOAD, st.data())
def test_any_flipped_byte_and_any_cut_is_noticed(
    tmp_path_factory: pytest.TempPathFactory, payload: dict[str, Any], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("json") / "file.json"
    write_json(path, "things", 1, payload)
    raw = path.read_bytes()
    at = data.draw(st.integers(0, len(raw) - 1))
    flipped = bytes([raw[at] ^ 1 << data.draw(st.integers(0, 7))])
    for changed in (raw[:at] + flipped + raw[at + 1 :], raw[:at], raw[:at] + raw[at + 1 :]):
        path.write_bytes(changed)
        with pytest.raises(ArtifactError, match=r"file\.json"):
            read_json(path, "things", 1)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "is empty"),
        (b'{"format": "th', "is cut short"),
        (b'{"format": "things", \xff}\n', "not valid JSON"),
        (b"[]\n", "does not hold a JSON object"),
        (b'{"format": "others", "version": 1}\n', "is not a things file but a others file"),
        (b'{"version": 1}\n', "is not a things file"),
        (b'{"format": "things", "version": "1"}\n', "no valid format version"),
        (b'{"format": "things", "version": 1, "checksum": "00"}\n', "does not match its checksum"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, raw: bytes, message: str) -> None:
    (tmp_path / "file.json").write_bytes(raw)
    with pytest.raises(ArtifactError, match=message):
        read_json(tmp_path / "file.json", "things", 1)


def test_missing_newer_and_folders(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        read_json(tmp_path / "none.json", "things", 1)
    with pytest.raises(ArtifactError, match="directory"):
        read_json(tmp_path, "things", 1)
    write_json(tmp_path / "new.json", "things", 3, {"a": 1})
    with pytest.raises(NewerVersionError) as caught:
        read_json(tmp_path / "new.json", "things", 2)
    assert (caught.value.found, caught.value.supported) == (3, 2)
    with pytest.raises(ValueError, match="may not have the keys"):
        write_json(tmp_path / "x.json", "things", 1, {"version": 2})
