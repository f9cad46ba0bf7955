"""Base classes for the encoders of plugins: little to write, and every contract kept."""

from domaintoolkit.encoders.bases.symbol_sequence import SymbolEncoder
from domaintoolkit.encoders.bases.wrapped import WrappedEncoder

__all__ = ["SymbolEncoder", "WrappedEncoder"]
