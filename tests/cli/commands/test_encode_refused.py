"""A refused `encode` leaves nothing, so that any other command can have the folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Run = Callable[..., Result]

SCHEMA = 'entity = "user"\nfields = [{ name = "what", type = "categorical" }]\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a schema and a good file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.toml").write_text(SCHEMA)
    (tmp_path / "good.csv").write_text("user,what\na,view\nb,buy\n")
    return tmp_path


BAD = {
    "a missing column": b"user,when\na,view\n",
    "a row without a key": b"user,what\n,view\na,view\n",
    "no rows": b"user,what\n",
    "bytes that are no text": b"user,what\na,\xff\xfe\n",
    "an unclosed quote": b'user,what\na,"view\n',
    "a cut archive": b"\x1f\x8b\x08\x00\x00\x00",
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("fitted", [False, True])
def test_bad_data_leaves_nothing(run: Run, folder: Path, kind: str, fitted: bool) -> None:
    tokenizer = ()
    if fitted:
        assert run("fit", "--schema", "schema.toml", "good.csv", "-o", "tokenizer").exit_code == 0
        tokenizer = ("--tokenizer", "tokenizer")
    (folder / "bad.csv").write_bytes(BAD[kind])
    schema = () if fitted else ("--schema", "schema.toml")
    # the second file is bad, and with a fitted tokenizer it is met only after encoding has begun
    files = ("bad.csv",) if kind == "no rows" else ("good.csv", "bad.csv")
    result = run("encode", *schema, *tokenizer, *files, "-o", "out")
    assert result.exit_code == 1, result.output
    assert not (folder / "out").exists()
    assert run("encode", *schema, *tokenizer, "good.csv", "-o", "out", "--shards", "1").exit_code == 0
    assert sorted(path.name for path in (folder / "out").iterdir()) == [
        "README.md",
        "manifest.json",
        "shards",
        "tokenizer",
    ]


def test_an_empty_folder_of_the_user_stays(run: Run, folder: Path) -> None:
    (folder / "bad.csv").write_bytes(BAD["a missing column"])
    (folder / "out").mkdir()
    assert run("encode", "--schema", "schema.toml", "bad.csv", "-o", "out").exit_code == 1
    assert list((folder / "out").iterdir()) == []
