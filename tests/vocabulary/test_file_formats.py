from __future__ import annotations

import json
from pathlib import Path

import pytest

from domaintoolkit.errors import ArtifactError, DomainToolkitError, SourceError, VocabularyError
from domaintoolkit.util.artifacts import write_json
from domaintoolkit.vocabulary import Token, Vocabulary
from domaintoolkit.vocabulary.file_formats import FORMAT, VERSION


def test_csv_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text(
        '\ufefftoken,field\r\nview,\r\n"a, ""b""\n",shop\r\n""\r\n'.replace('""\r\n', '"",\r\n'), encoding="utf-8"
    )
    vocabulary = Vocabulary.from_csv(path)
    assert vocabulary.names == ("view", 'a, "b"\n', "")
    assert vocabulary.token(1) == Token("custom", "shop", 'a, "b"\n', 'a, "b"\n')


def test_csv_with_ids(tmp_path: Path) -> None:
    (tmp_path / "tokens.csv").write_text("token,id,field\nview,2,\ncart,0,shop\nbuy,1,\n")
    vocabulary = Vocabulary.from_csv(tmp_path / "tokens.csv")
    assert vocabulary.names == ("cart", "buy", "view")
    assert [token.field for token in vocabulary] == ["shop", None, None]


def test_csv_takes_tokens_of_any_length(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_tokens(["x" * 300_000, "\0"])
    vocabulary.to_csv(tmp_path / "tokens.csv")
    assert Vocabulary.from_csv(tmp_path / "tokens.csv") == vocabulary


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "one column 'token'"),
        ("name\na\n", "one column 'token'"),
        ("token,token\na,b\n", "one column 'token'"),
        ("token,color\na,red\n", "unknown column 'color' at line 2"),
        ("token,kind\na,odd\n", "unknown kind of token 'odd' at line 2"),
        ("token,kind\na\n", "line 2 has 1 columns, the header has 2"),
        ("token,part\na,one\n", "at line 2"),
        ("token,start\na,maybe\n", "neither a number nor true or false at line 2"),
        ('token\n"a', "line 2"),
        ("id,token\nx,a\n", "'x' is not an id, at line 2"),
        ("token,id\na\n", "'' is not an id, at line 2"),
        ("id,token\n0,a\n\n0,b\n", "the id 0 occurs twice, at line 2 and line 4"),
        ("id,token\n0,a\n2,b\n", "no token has the id 1: 2 tokens have the ids from 0 on"),
    ],
)
def test_csv_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "tokens.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        Vocabulary.from_csv(tmp_path / "tokens.csv")


def test_csv_cannot_hold_an_empty_field(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="empty"):
        Vocabulary([Token("field", "", "k", "a")]).to_csv(tmp_path / "tokens.csv")


@pytest.mark.parametrize(
    "data",
    [
        ["a", "b"],
        {"b": 1, "a": 0},
        ["a", {"token": "b"}],
        [{"token": "a", "kind": "custom"}, {"token": "b", "field": None}],
    ],
)
def test_json_by_hand(tmp_path: Path, data: object) -> None:
    (tmp_path / "tokens.json").write_text(json.dumps(data))
    assert Vocabulary.from_json(tmp_path / "tokens.json") == Vocabulary.from_tokens(["a", "b"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("3", "expected a list"),
        ('{"a": 1}', "ids from 0 to 0"),
        ('{"a": 0, "b": 0}', "ids from 0 to 1"),
        ('{"a": true, "b": 0}', "ids from 0 to 1"),
        ("[3]", r"got 3 at \[0\]"),
        ('[{"name": "a"}]', r"at \[0\]"),
        ('[{"token": "a", "part": "x"}]', r"part cannot be 'x' at \[0\]"),
    ],
)
def test_json_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "tokens.json").write_text(text)
    with pytest.raises(SourceError, match=message):
        Vocabulary.from_json(tmp_path / "tokens.json")


def test_missing_files_and_damage(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        Vocabulary.from_csv(tmp_path / "none.csv")
    (tmp_path / "latin.json").write_bytes(b'["\xe9"]')
    with pytest.raises(SourceError, match="not UTF-8"):
        Vocabulary.from_json(tmp_path / "latin.json")
    with pytest.raises(ArtifactError, match="does not exist"):
        Vocabulary.load(tmp_path)
    Vocabulary.from_tokens(["a"]).save(tmp_path)
    raw = (tmp_path / "vocabulary.json").read_bytes()
    (tmp_path / "vocabulary.json").write_bytes(raw.replace(b'"a"', b'"b"'))
    with pytest.raises(ArtifactError, match="checksum"):
        Vocabulary.load(tmp_path)
    with pytest.raises(ArtifactError, match="checksum"):
        Vocabulary.from_json(tmp_path / "vocabulary.json")


@pytest.mark.parametrize("read", [False, True])
def test_a_loaded_vocabulary_is_saved_as_it_was_whether_its_tokens_were_read_or_not(tmp_path: Path, read: bool) -> None:
    made = Vocabulary.from_tokens(["[PAD]", "[view]"]).extend(["[cart]"])
    made.save(tmp_path / "one")
    loaded = Vocabulary.load(tmp_path / "one")
    assert (len(loaded), loaded.hash, loaded.generations) == (3, made.hash, made.generations)
    if read:
        assert loaded.tokens == made.tokens
        assert loaded == made
    loaded.save(tmp_path / "two")
    assert (tmp_path / "one" / "vocabulary.json").read_bytes() == (tmp_path / "two" / "vocabulary.json").read_bytes()
    assert loaded.extend(["[buy]"]).encode(["[cart]", "[buy]"]) == [2, 3]


@pytest.mark.parametrize(
    "rows", [[["special", None, "PAD", "[PAD]"]], [1, 2], [["custom", None, "a", "[a]", 0, True, False, False]], 3]
)
def test_tokens_that_are_none_are_refused_when_they_are_read(tmp_path: Path, rows: object) -> None:
    path = tmp_path / "vocabulary.json"
    write_json(path, FORMAT, VERSION, {"generations": [[2, "00"]], "tokens": rows})
    loaded = Vocabulary.load(tmp_path)
    with pytest.raises(DomainToolkitError):
        _ = loaded.tokens
