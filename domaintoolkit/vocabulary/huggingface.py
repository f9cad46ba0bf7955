"""A vocabulary as a Hugging Face tokenizer folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split

from domaintoolkit.util.partials import write_atomic
from domaintoolkit.vocabulary.token import Token

__all__ = ["write_tokenizer"]

NAME = r"\[(?:\\.|[^\\\[\]])*\]"
PATTERN = rf"(?m:{NAME}(?:\+{NAME})*)|\S+"
"""Names in a text: ours may have spaces within their brackets, and composites are joined with `+`."""

ROLES = {
    "pad_token": ("[PAD]", "<pad>", "<|pad|>"),
    "bos_token": ("[BOS]", "<bos>", "<s>", "<|startoftext|>", "<|begin_of_text|>"),
    "eos_token": ("[EOS]", "<eos>", "</s>", "<|endoftext|>", "<|end_of_text|>"),
    "unk_token": ("[UNK]", "<unk>"),
    "sep_token": ("[SEP]", "<sep>"),
    "cls_token": ("[CLS]", "<cls>"),
    "mask_token": ("[MASK]", "<mask>"),
}
"""The roles of tokens in transformers, and the names by which one built by hand has the role."""


def write_tokenizer(tokens: Sequence[Token], directory: str | Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` of a vocabulary's `tokens` into `directory`.

    Ids decode to our names with a space in between, and such a text encodes to the ids again, unless a name
    built by hand has spaces outside brackets. There is no unknown token unless the vocabulary has one: a word that
    is not one of its names is an error. A special token whose key is PAD, BOS, EOS, UNK, SEP, CLS or MASK has that
    role, and a token built by hand by its name.
    """
    ids = {token.name: number for number, token in enumerate(tokens)}
    roles = _roles(tokens)
    specials = dict.fromkeys([token.name for token in tokens if token.kind == "special"])
    specials |= dict.fromkeys(roles.values())
    unknown = {"unk_token": roles["unk_token"]} if "unk_token" in roles else {}
    tokenizer = Tokenizer(WordLevel(ids, **unknown))
    tokenizer.pre_tokenizer = Split(Regex(PATTERN), behavior="removed", invert=True)
    # found in the text before it is split, as they are written
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in specials])
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        # streams have no longest length
        "model_max_length": 1 << 30,
        **roles,
    }
    folder = Path(directory)
    write_atomic(folder / "tokenizer.json", tokenizer.to_str().encode())
    write_atomic(folder / "tokenizer_config.json", json.dumps(config, indent=2).encode())


def _roles(tokens: Sequence[Token]) -> dict[str, str]:
    """The name of the token of each role that the vocabulary has."""
    # reversed: of several tokens with one key, the first has the role
    keys = {token.key.lower(): token.name for token in reversed(tokens) if token.kind == "special"}
    custom = {token.name for token in tokens if token.kind == "custom"}
    names = {name for known in ROLES.values() for name in known if name in custom and not _is_within(name, tokens)}
    found = {
        role: keys.get(role.removesuffix("_token")) or next((name for name in known if name in names), None)
        for role, known in ROLES.items()
    }
    return {role: name for role, name in found.items() if name is not None}


def _is_within(name: str, tokens: Sequence[Token]) -> bool:
    """Return True if another name has this one in it: a special token is found within any text, and would split it."""
    return any(name in token.name and name != token.name for token in tokens)
