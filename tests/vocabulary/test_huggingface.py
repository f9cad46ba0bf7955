from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.vocabulary import Token, Vocabulary, byte_tokens, readable_name, special_tokens

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

VALUES = st.lists(st.text(max_size=5) | st.sampled_from(["", " ", "😀", "\0", "\n", "a  b", "]", "[PAD]"]), unique=True)


@settings(max_examples=15)
@given(VALUES)
def test_ids_are_the_same_names(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    names = [readable_name("f", "=" + value) for value in values]
    own = Vocabulary.from_tokens([*special_tokens(), *names, *byte_tokens(), "+".join([*names, "[x y]"])])
    folder = tmp_path_factory.mktemp("tokenizer")
    own.to_huggingface(folder)
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    ids = list(range(len(own)))[::-1]
    assert len(loaded) == len(own)
    assert loaded.convert_ids_to_tokens(ids) == own.decode(ids)
    assert loaded.decode(ids) == " ".join(own.decode(ids))
    assert loaded.encode(" ".join(own.decode(ids))) == ids
    assert (loaded.pad_token, loaded.bos_token, loaded.unk_token) == ("[PAD]", "[BOS]", None)


@settings(max_examples=15)
@given(VALUES)
def test_names_built_by_hand(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    own = Vocabulary.from_tokens(names)
    folder = tmp_path_factory.mktemp("tokenizer")
    own.to_huggingface(folder)
    loaded = transformers.AutoTokenizer.from_pretrained(folder)
    ids = list(range(len(own)))
    assert loaded.convert_ids_to_tokens(ids) == names
    assert loaded.decode(ids) == " ".join(names)


def test_the_folder_is_plain_and_the_same_each_time(tmp_path: Path) -> None:
    vocabulary = Vocabulary.from_tokens([*special_tokens(), *(f"[f={i}]" for i in range(100))])
    vocabulary.to_huggingface(tmp_path / "a")
    vocabulary.to_huggingface(tmp_path / "b")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert json.loads((tmp_path / "a" / "tokenizer.json").read_bytes())["model"]["type"] == "WordLevel"


def test_padding_is_known_by_its_name(tmp_path: Path) -> None:
    Vocabulary.from_tokens(["[view]", "[PAD]"]).to_huggingface(tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.pad_token, loaded.pad_token_id, loaded.bos_token) == ("[PAD]", 1, None)


OWN = {
    "pad_token": "<pad>",
    "bos_token": "<s>",
    "eos_token": "[EOS]",
    "unk_token": "<unk>",
    "sep_token": "[SEP]",
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
}


@pytest.mark.parametrize("way", ["names", "kinds", "csv", "json"])
def test_special_tokens_keep_their_roles(way: str, tmp_path: Path) -> None:
    names: list[str | Token] = ["[view]", *OWN.values(), "[cart]"]
    if way != "names":
        names = ["[view]", *(Token("special", None, role[:3].upper(), f"«{role}»") for role in OWN), "[cart]"]
        names = [t._replace(key=t.key.replace("MAS", "MASK")) if isinstance(t, Token) else t for t in names]
    own = Vocabulary.from_tokens([*names, Token("special", None, "PROMPT", "[PROMPT]")])
    if way == "csv":
        own.to_csv(tmp_path / "own.csv")
        own = Vocabulary.from_csv(tmp_path / "own.csv")
    if way == "json":
        own.to_json(tmp_path / "own.json")
        own = Vocabulary.from_json(tmp_path / "own.json")
    own.to_huggingface(tmp_path / "hf")
    for folder in (tmp_path / "hf", tmp_path / "again"):
        loaded = transformers.AutoTokenizer.from_pretrained(folder if folder.exists() else tmp_path / "hf")
        loaded.save_pretrained(tmp_path / "again")
        assert {role: getattr(loaded, role) for role in OWN} == dict(zip(OWN, own.names[1:8], strict=True))
        assert [getattr(loaded, f"{role}_id") for role in OWN] == list(range(1, 8))
        assert len(loaded) == len(own)
        assert loaded.decode(range(len(own)), skip_special_tokens=True) == "[view] [cart]"
        assert loaded.encode("[view] [never] [PROMPT] [cart]") == [0, 4, 9, 8]


def test_a_name_within_another_has_no_role(tmp_path: Path) -> None:
    own = Vocabulary.from_tokens(["<s>", "[f=<s>]", "[PAD]"])
    own.to_huggingface(tmp_path)
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert (loaded.bos_token, loaded.pad_token) == (None, "[PAD]")
    assert loaded.encode("[f=<s>] <s> [PAD]") == [1, 0, 2]
