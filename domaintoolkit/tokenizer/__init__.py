"""`DomainTokenizer`: tables into streams of ids and back."""

from domaintoolkit.tokenizer._fit import FitState
from domaintoolkit.tokenizer._tokenizer import DomainTokenizer

__all__ = ["DomainTokenizer", "FitState"]
