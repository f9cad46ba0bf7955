"""`suggest`: the changes of a schema that an encoded folder speaks for."""

from __future__ import annotations

from pathlib import Path

from domaintoolkit.errors import pluralize
from domaintoolkit.storage import open_encoded
from domaintoolkit.suggest.field_rules import ENOUGH, RULES, Subject
from domaintoolkit.suggest.field_statistics import read_statistics
from domaintoolkit.suggest.suggestion import Suggestion, Suggestions
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["suggest"]


def suggest(folder: str | Path) -> Suggestions:
    """Read an encoded folder and its tokenizer, and say what to change in the schema, one change a field at most.

    The values of the first 200,000 events are looked at, and the tokens of all. With fewer than 1,000 events nothing is
    said. Raises `ArtifactError` if the folder is not an encoded one.
    """
    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    events = encoded.manifest.totals["events"]
    if events < ENOUGH:
        note = f"{pluralize(events, 'event')} are too few to judge by; encode at least {ENOUGH:,}"
        return Suggestions((), tokenizer.schema, events, 0, note)
    statistics, tokens, read = read_statistics(encoded, tokenizer)
    found: list[Suggestion] = []
    left = len(tokenizer.schema.fields)
    for field in statistics.values():
        subject = Subject(tokenizer.schema, field, tokens, len(tokenizer.vocabulary))
        suggestion = next((made for rule in RULES if (made := rule(subject)) is not None), None)
        if suggestion is None:
            continue
        leaves = not field.is_static and (suggestion.changed is None or suggestion.place == "static")
        if leaves and left == 1:
            continue  # an event has at least one field
        left -= leaves
        found.append(suggestion)
    found.sort(key=lambda each: (-each.saved, each.field.name))
    return Suggestions(tuple(found), tokenizer.schema, events, read)
