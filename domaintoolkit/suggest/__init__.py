"""Suggested changes of a schema, from a tokenizer and the folder that it encoded."""

from domaintoolkit.suggest.suggesting import suggest
from domaintoolkit.suggest.suggestion import Suggestion, Suggestions, apply_suggestions

__all__ = ["Suggestion", "Suggestions", "apply_suggestions", "suggest"]
