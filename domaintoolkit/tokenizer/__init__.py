"""`DomainTokenizer`: tables into streams of ids and back."""

from domaintoolkit.tokenizer.fit_state import FitState
from domaintoolkit.tokenizer.tokenizer import DomainTokenizer, OnBadRows

__all__ = ["DomainTokenizer", "FitState", "OnBadRows"]
