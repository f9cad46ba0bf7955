"""`DomainTokenizer`: tables into streams of ids and back."""

from domaintoolkit.tokenizer.encoder_types import encoder_types
from domaintoolkit.tokenizer.fit_state import FitState
from domaintoolkit.tokenizer.tokenizer import DomainTokenizer, OnBadRows

__all__ = ["DomainTokenizer", "FitState", "OnBadRows", "encoder_types"]
