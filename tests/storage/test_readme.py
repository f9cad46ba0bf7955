"""The page of an encoded folder is the same for all folders of a version, and `verify` reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from domaintoolkit.jobs import encode, verify
from domaintoolkit.schema import Categorical, Schema
from domaintoolkit.storage import open_encoded
from domaintoolkit.storage import readme as readme_module
from domaintoolkit.storage.readme import README, is_readme_whole
from domaintoolkit.tokenizer import DomainTokenizer

ROWS = {"user": [1, 2, 2], "what": ["a", "b", "a"]}


@pytest.mark.parametrize("change", ["altered", "cut", "missing"])
def test_a_changed_page_is_noticed(change: str, tmp_path: Path) -> None:
    tokenizer = DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit(ROWS)
    encode(tokenizer, ROWS, tmp_path / "out")
    page = tmp_path / "out" / README
    assert is_readme_whole(tmp_path / "out", open_encoded(tmp_path / "out").manifest.readme)
    assert verify(tmp_path / "out", ROWS).holds
    if change == "missing":
        page.unlink()
    else:
        whole = page.read_bytes()
        page.write_bytes(whole[:-1] if change == "cut" else whole.replace(b"train", b"Train", 1))
    result = verify(tmp_path / "out", ROWS)
    assert not result.holds
    assert "README.md: it is not the page that encode wrote" in result.problems


def test_the_page_of_another_version_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = DomainTokenizer(Schema(entity="user", fields=[Categorical("what")])).fit(ROWS)
    with monkeypatch.context() as other:
        other.setattr(readme_module, "TEXT", b"an earlier page")
        encode(tokenizer, ROWS, tmp_path / "out")
    assert (tmp_path / "out" / README).read_bytes() == b"an earlier page"
    assert verify(tmp_path / "out", ROWS).holds
