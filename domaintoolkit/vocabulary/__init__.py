"""All tokens and their ids: building, extending, importing, exporting."""

from domaintoolkit.vocabulary.token import (
    Token,
    byte_tokens,
    read_name,
    readable_name,
    slot_identity,
    slot_token,
    slot_tokens,
    special_tokens,
)
from domaintoolkit.vocabulary.token_grammar import grammar_of
from domaintoolkit.vocabulary.vocabulary import Vocabulary

__all__ = [
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
