"""An encoder that learns: a route is a sequence of districts, and each frequent district becomes a token."""

from __future__ import annotations

from collections.abc import Sequence

from domaintoolkit import SymbolEncoder

__all__ = ["Route"]


class Route(SymbolEncoder, name="route"):
    """`Harbour>Old Town>Park`: `options = { max_size = 100 }` in the schema bounds the districts with a token."""

    @classmethod
    def split(cls, text: str) -> Sequence[str]:
        return text.split(">")

    @classmethod
    def join(cls, symbols: Sequence[str]) -> str:
        return ">".join(symbols)
