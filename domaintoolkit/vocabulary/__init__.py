"""All tokens and their ids: building, extending, importing, exporting."""

from domaintoolkit.vocabulary._grammar import BOS, BYTE, COMPOSITE, OTHER, PAD, SESSION, FieldParts, Grammar
from domaintoolkit.vocabulary._token import (
    Token,
    byte_tokens,
    read_name,
    readable_name,
    slot_identity,
    slot_token,
    slot_tokens,
    special_tokens,
)
from domaintoolkit.vocabulary._token_grammar import grammar_of
from domaintoolkit.vocabulary._vocabulary import Vocabulary

__all__ = [
    "BOS",
    "BYTE",
    "COMPOSITE",
    "OTHER",
    "PAD",
    "SESSION",
    "FieldParts",
    "Grammar",
    "Token",
    "Vocabulary",
    "byte_tokens",
    "grammar_of",
    "read_name",
    "readable_name",
    "slot_identity",
    "slot_token",
    "slot_tokens",
    "special_tokens",
]
