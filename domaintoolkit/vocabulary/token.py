"""`Token`: one entry of a vocabulary, and how its readable name is written and read back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple

from domaintoolkit.encoders.base import BYTES, Slot
from domaintoolkit.errors import VocabularyError
from domaintoolkit.grammar.grammar import ANCHOR

__all__ = [
    "KINDS",
    "Token",
    "byte_tokens",
    "read_name",
    "readable_name",
    "slot_identity",
    "slot_token",
    "slot_tokens",
    "special_tokens",
]

KINDS = ("special", "byte", "anchor", "static", "field", "piece", "composite", "custom")

UNSAFE = r"\[\]\\\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff"
"""Brackets and the backslash have a meaning; control and direction characters would garble a terminal."""

IN_TEXT = re.compile(f"[{UNSAFE}]")
IN_FIELD = re.compile(f"[{UNSAFE} =]")
ESCAPED = re.compile(r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))", re.DOTALL)
SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t", " ": r"\s"}
LONG = {text[1]: character for character, text in SHORT.items()}
READABLE = re.compile(r"\[(?P<field>(?:[^\[\]\\ =]|\\.)*)(?P<text>[ =](?:[^\[\]\\]|\\.)*)\]", re.DOTALL)


class Token(NamedTuple):
    """One token. (`kind`, `field`, `key`) is its identity, for life; `name` is what people read.

    `part` counts the parts within the field; a `start` token begins its part, any other continues it.
    `fusible` tokens may become parts of composites. A `whole` token, of part 0, fills all parts of its field.
    """

    kind: str
    field: str | None
    key: str
    name: str
    part: int = 0
    start: bool = True
    fusible: bool = False
    whole: bool = False

    @property
    def identity(self) -> tuple[str, str | None, str]:
        """(kind, field, key), for life."""
        return self[:3]


def readable_name(field: str | None, text: str) -> str:
    r"""The name of a token: `[brand=samsung]` for field `brand` and text `=samsung`; None is the anchor.

    Different (field, text) give different names: special characters are escaped, in a field's name the
    space and `=` too, so the first bare one of these begins the text.

    Examples:
        >>> readable_name("a=b", "=c"), readable_name("a", "=b=c")
        ('[a\\=b=c]', '[a=b=c]')
    """
    return readable_names(field, [text])[0]


def readable_names(field: str | None, texts: Sequence[str]) -> list[str]:
    """`readable_name` of each text."""
    wrong = next((text for text in texts if not text.startswith(("=", " "))), None)
    if wrong is not None:
        raise VocabularyError(f"the text of a token begins with '=' or a space, got {wrong!r}")
    head = f"[{_head(field)}"
    if IN_TEXT.search("".join(texts)) is None:
        return [f"{head}{text}]" for text in texts]
    return [f"{head}{IN_TEXT.sub(_escape, text)}]" for text in texts]


def read_name(name: str) -> tuple[str | None, str]:
    """The (field, text) of a name that `readable_name` made; raises `VocabularyError` for any other."""
    match = READABLE.fullmatch(name)
    if match is None:
        raise VocabularyError(f"not the name of a field's token: {name!r}")
    head, text = match["field"], ESCAPED.sub(_unescape, match["text"])
    return (None if head == ANCHOR else ESCAPED.sub(_unescape, head)), text


@lru_cache
def _head(field: str | None) -> str:
    if field is None:
        return ANCHOR
    # a field that is called like the anchor is told apart by a backslash before its name
    return "\\" + field if field == ANCHOR else IN_FIELD.sub(_escape, field)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if character in SHORT:
        return SHORT[character]
    if character in "[]\\=":
        return "\\" + character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else LONG.get(match[3], match[3])


def slot_token(field: str | None, slot: Slot, kind: str = "field") -> Token:
    """The token of an encoder's slot; `kind` is `field`, `static` or `anchor` (with field None).

    Learned text pieces become tokens of kind `piece` whatever `kind` says.
    """
    return slot_tokens(field, [slot], kind)[0]


def slot_tokens(field: str | None, slots: Sequence[Slot], kind: str = "field") -> list[Token]:
    """`slot_token` of each slot."""
    if not slots:
        return []
    kinds, keys, texts, *others = zip(*slots, strict=True)
    wrong = next((name for name in set(kinds) if ":" in name), None)
    if wrong is not None:
        raise VocabularyError(f"the kind of a slot has no ':', got {wrong!r} of field {field!r}")
    own = ["piece" if each == "piece" else kind for each in kinds]
    identities = [f"{each}:{key}" for each, key in zip(kinds, keys, strict=True)]
    columns = zip(own, repeat(field), identities, readable_names(field, texts), *others, strict=False)
    return list(map(tuple.__new__, repeat(Token), columns))  # a third of the time of Token(...)


def slot_identity(field: str | None, slot: Slot, kind: str = "field") -> tuple[str, str | None, str]:
    """The identity of the token of an encoder's slot."""
    return "piece" if slot.kind == "piece" else kind, field, f"{slot.kind}:{slot.key}"


def special_tokens() -> list[Token]:
    """`[PAD]`, `[BOS]` and `[SESSION]`."""
    return [Token("special", None, key, f"[{key}]") for key in ("PAD", "BOS", "SESSION")]


def byte_tokens() -> list[Token]:
    """The 256 bytes, which all fields share: `[0x00]` to `[0xff]`."""
    return [Token("byte", None, f"{byte:02x}", f"[0x{byte:02x}]", 0, False) for byte in range(BYTES)]
