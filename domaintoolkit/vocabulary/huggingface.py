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

ROLES = {"[PAD]": "pad_token", "[BOS]": "bos_token"}
"""The role of a token in transformers by its name, in our vocabularies and in those built by hand."""


def write_tokenizer(tokens: Sequence[Token], directory: str | Path) -> None:
    """Write `tokenizer.json` and `tokenizer_config.json` of a vocabulary's `tokens` into `directory`.

    Ids decode to our names with a space in between, and such a text encodes to the ids again, unless a name
    built by hand has spaces outside brackets. There is no unknown token: a word that is not one of our names
    is an error.
    """
    ids = {token.name: number for number, token in enumerate(tokens)}
    specials = [token.name for token in tokens if token.kind == "special"]
    tokenizer = Tokenizer(WordLevel(ids))
    tokenizer.pre_tokenizer = Split(Regex(PATTERN), behavior="removed", invert=True)
    tokenizer.add_special_tokens([AddedToken(name, normalized=False) for name in specials])
    config: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1 << 30,
        **{role: name for name, role in ROLES.items() if name in ids},
    }
    folder = Path(directory)
    write_atomic(folder / "tokenizer.json", tokenizer.to_str().encode())
    write_atomic(folder / "tokenizer_config.json", json.dumps(config, indent=2).encode())
