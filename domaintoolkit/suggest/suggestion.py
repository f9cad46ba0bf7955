"""`Suggestion`: one change of a schema, with the finding that speaks for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from domaintoolkit.schema import FieldSpec, Schema

__all__ = ["Suggestion", "Suggestions", "apply_suggestions"]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A change of one field.

    `rule` names its kind, such as `identifier`. `field` as it is becomes `changed` (None: it is left out), in the list
    `place` of the schema. `saved` is the share of all tokens that this saves, about.
    """

    rule: str
    field: FieldSpec
    changed: FieldSpec | None
    place: Literal["fields", "static"]
    finding: str
    advice: str
    saved: float = 0.0

    @property
    def toml(self) -> str:
        """The field's table after the change."""
        if self.changed is None:
            return f"# without the table of {self.field.name!r}\n"
        text = Schema(entity="-", fields=[self.changed]).to_toml()
        return text[text.index("[[fields]]") :].replace("[[fields]]", f"[[{self.place}]]", 1)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The changes that would help, those that save most tokens first."""

    found: tuple[Suggestion, ...]
    schema: Schema
    events: int
    """Events of the folder."""
    read: int
    """Events that were read for it; the figures of tokens are those of all."""
    note: str = ""
    """The reason why nothing could be said."""


def apply_suggestions(schema: Schema, suggestions: Iterable[Suggestion]) -> Schema:
    """The schema after all changes."""
    by_name = {each.field.name: each for each in suggestions}
    fields: list[FieldSpec] = []
    static = [spec for spec in schema.static if spec.name not in by_name]
    for spec in schema.fields:
        change = by_name.get(spec.name)
        if change is None:
            fields.append(spec)
        elif change.changed is not None:
            (fields if change.place == "fields" else static).append(change.changed)
    static += [
        change.changed
        for spec in schema.static
        if (change := by_name.get(spec.name)) is not None and change.changed is not None
    ]
    return replace(schema, fields=tuple(fields), static=tuple(static))
