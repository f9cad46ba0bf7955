"""A proposal as the text of a TOML file, with the reasons as comments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from domaintoolkit.proposal.proposal import Proposal, ProposedColumn
from domaintoolkit.schema.convert import to_dict, toml_key, toml_value

__all__ = ["write_toml"]

SCHEMA_FILE = "domaintoolkit.schema.json"
"""The JSON schema beside the file, from which editors complete it."""


def write_toml(proposal: Proposal, described: str = "") -> str:
    """The TOML file of a proposed domain; `described` is its first comment."""
    data = to_dict(proposal.schema)
    reasons = {column.name: column for column in proposal.columns}
    lines = [f"#:schema ./{SCHEMA_FILE}"]
    lines += [f"# {described}"] if described else []
    lines.append("")
    roles: dict[str, list[ProposedColumn]] = {}
    for column in proposal.columns:
        roles.setdefault(column.role, []).append(column)
    roles["order_by"], roles["labels"], roles["leaks"] = (roles.get(name, []) for name in ("order", "label", "leak"))
    for key, value in data.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            continue
        reason = "; ".join(dict.fromkeys(each.reason for each in roles.get(key, []) if each.reason))
        lines += [f"# {key}: {reason}"] if reason else []
        lines.append(f"{toml_key(key)} = {toml_value(value)}")
    for key in ("static", "fields"):
        for spec in data.get(key, ()):
            lines += ["", f"[[{key}]]"]
            lines += [f"{toml_key(name)} = {toml_value(value)}" for name, value in spec.items()]
            found = reasons.get(spec["name"])
            if found is not None and found.role in ("field", "static"):
                lines[-len(spec)] += f"  # {found.reason}"
    lines += ["", *_reader(proposal)]
    left = [column for column in proposal.columns if column.role == "left out"]
    if left:
        lines += ["", "# Columns that are left out:", *(f"#   {each.header}: {each.reason}" for each in left)]
    if proposal.notes:
        lines += ["", "# Notes:", *(f"#   {' '.join(note.split())}" for note in proposal.notes)]
    return "\n".join(lines) + "\n"


def _reader(proposal: Proposal) -> Iterator[str]:
    yield "[reader]"
    for key, value in to_dict(proposal.reader).items():
        if key != "columns":
            yield f"{toml_key(key)} = {toml_value(value)}"
    yield "columns = ["
    yield from (f"    {toml_value(column)}," for column in _columns(to_dict(proposal.reader)["columns"]))
    yield "]"


def _columns(columns: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in column.items() if (name, value) != ("type", "string")} for column in columns
    ]
