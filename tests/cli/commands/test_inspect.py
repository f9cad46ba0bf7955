"""`inspect`: a history, a page and a vocabulary."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from click.testing import Result

Run = Callable[..., Result]
Data = Callable[..., dict[str, Any]]


def test_one_entity(run: Run, as_data: Data, encoded: Path, tmp_path: Path) -> None:
    first = as_data("inspect", encoded)
    key = first["entity"]["user_id"]
    assert as_data("inspect", encoded, "--entity", key) == first
    page = tmp_path / "page.html"
    said = run("inspect", encoded, "-e", key, "--limit", 1, "--html", page)
    assert said.exit_code == 0
    assert first["events"][0]["tokens"][0] in said.stdout
    html = page.read_text()
    assert html.count("<article>") == 1
    assert f"1 of {len(first['events'])}" in html
    assert run("inspect", encoded, "-e", key, "--html", page).exit_code == 1
    run("inspect", encoded, "-e", key, "--html", page, "--overwrite")
    assert page.read_text().count("<article>") == len(first["events"])
    assert "http" not in html


def test_tokens_are_those_of_the_ids(as_data: Data, encoded: Path) -> None:
    from domaintoolkit import DomainTokenizer

    data = as_data("inspect", encoded)
    names = data["header"] + [name for event in data["events"] for name in event["tokens"]]
    assert DomainTokenizer.load(encoded / "tokenizer").vocabulary.encode(names) == data["ids"]


def test_unknown_entities(run: Run, encoded: Path) -> None:
    for key in ("12", "somebody"):
        result = run("inspect", encoded, "--entity", key)
        assert result.exit_code != 0
        assert f"unknown entity '{key}'" in result.stderr
    assert "a key has the columns: user_id" in run("inspect", encoded, "-e", 1, "-e", 2).stderr


def test_the_nearest_keys_are_shown_whatever_their_shard(run: Run, as_data: Data, tmp_path: Path) -> None:
    rows = pa.table({"who": [f"customer-{number:04d}" for number in range(500)] * 2, "what": ["a"] * 1000})
    pyarrow.parquet.write_table(rows, tmp_path / "rows.parquet")
    (tmp_path / "s.toml").write_text('entity = "who"\nfields = [{ type = "categorical", name = "what" }]\n')
    as_data("encode", "--schema", tmp_path / "s.toml", tmp_path / "rows.parquet", "-o", tmp_path / "out", "--shards", 7)
    for key in ("customer-123", "Customer-0123", " customer-0123"):
        said = run("inspect", tmp_path / "out", "-e", key).stderr
        assert "customer-0123" in said, key
        assert "the folder holds 500 entities" in said


def test_composites_are_listed_with_their_weights(run: Run, as_data: Data, composed: Path) -> None:
    data = as_data("inspect", composed / "tokenizer")
    made = [row["made"] for row in data["composites"]]
    assert made == sorted(made, reverse=True)
    assert all(row["base_tokens"] >= 2 and row["weight"] > 0 for row in data["composites"])
    few = run("inspect", composed / "tokenizer", "--limit", 1).stdout
    assert data["composites"][0]["token"] in few
    assert f"... and {len(made) - 1} more composite" in few


def test_a_tokenizer(run: Run, as_data: Data, encoded: Path) -> None:
    data = as_data("inspect", encoded / "tokenizer")
    assert sum(row["tokens"] for row in data["tokens"]) == data["vocabulary_size"]
    assert "[event_type=view]" in run("inspect", encoded / "tokenizer").stdout
    assert run("inspect", encoded / "tokenizer", "-e", 1).exit_code == 2


def test_something_else(run: Run, tmp_path: Path) -> None:
    assert run("inspect", tmp_path).exit_code == 1
    assert "does not exist" in run("inspect", tmp_path / "nowhere").stderr
    (tmp_path / "unfinished.json").touch()
    assert "holds an unfinished encoding" in run("inspect", tmp_path).stderr


def test_odd_keys_and_labels_cannot_garble_the_terminal(run: Run, as_data: Data, tmp_path: Path) -> None:
    rows = pa.table({"who": ["\x1b[31m\u202ex"], "what": ["a"], "label": ["\x1b[2J"]})
    pyarrow.parquet.write_table(rows, tmp_path / "rows.parquet")
    schema = 'entity = "who"\nlabels = "label"\nfields = [{ type = "categorical", name = "what" }]\n'
    (tmp_path / "s.toml").write_text(schema)
    as_data("encode", "--schema", tmp_path / "s.toml", tmp_path / "rows.parquet", "-o", tmp_path / "out")
    said = run("inspect", tmp_path / "out").stdout
    assert r"who \x1b[31m\u202ex" in said
    assert r"label: \x1b[2J" in said
    assert r"available: \x1b[31m\u202ex" in run("inspect", tmp_path / "out", "--entity", "nobody").stderr


def test_a_vocabulary_alone(as_data: Data, encoded: Path, tmp_path: Path) -> None:
    from domaintoolkit import Vocabulary

    Vocabulary.load(encoded / "tokenizer").save(tmp_path)
    data = as_data("inspect", tmp_path)
    assert data["composites"] == []
    assert data["tokens"] == as_data("inspect", encoded / "tokenizer")["tokens"]
