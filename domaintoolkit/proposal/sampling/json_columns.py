"""The members of JSON objects as columns of text, those of inner objects under their path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

__all__ = ["json_columns"]

DEPTH = 6
"""Objects in objects that are looked into."""


def json_columns(objects: Sequence[dict[str, Any]]) -> Iterator[tuple[str, pa.Array, bool]]:
    """For each path of a member: its name, such as `meta.k`, its values as text, and True if they are lists."""
    flat = [dict(_members(each, "", DEPTH)) for each in objects]
    names: dict[str, None] = {}
    for each in flat:
        names.update(dict.fromkeys(each))
    for name in names:
        values = [each.get(name) for each in flat]
        if all(isinstance(value, dict) or value is None for value in values) and any(values):
            continue  # objects without members that could be read
        is_list = any(isinstance(value, list) for value in values)
        yield name, pa.array([_text(value) for value in values], pa.string()), is_list


def _members(found: dict[str, Any], head: str, depth: int) -> Iterator[tuple[str, Any]]:
    for key, value in found.items():
        if isinstance(value, dict) and value and depth:
            yield from _members(value, f"{head}{key}.", depth - 1)
        else:
            yield f"{head}{key}", value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "|".join(text for item in value if (text := _text(item)) is not None)
    return str(value).encode(errors="replace").decode()
