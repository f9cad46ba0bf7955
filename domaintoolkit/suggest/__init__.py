"""What to change in a schema, read from a tokenizer and what it encoded."""

from domaintoolkit.suggest.suggesting import suggest
from domaintoolkit.suggest.suggestion import Suggestion, Suggestions, apply_suggestions

__all__ = ["Suggestion", "Suggestions", "apply_suggestions", "suggest"]
