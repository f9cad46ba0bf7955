"""The pages that are made from the code: run this file to write them again."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from click.testing import CliRunner

from domaintoolkit.cli.main import COMMANDS, main
from domaintoolkit.schema import Categorical, Column, Composite, Custom, Numeric, Reader, Schema, Split, Text, Timestamp

ROOT = Path(__file__).parents[2]

COMMANDS_HEAD = """# Commands

Made from the commands' own help texts.

Exit status: 0 for success, 1 for bad data, 2 for bad usage, 3 for `drift`'s verdict, 130 after Ctrl-C.
"""

SCHEMA_HEAD = """# Schema reference

A schema says what an event is: in Python, as `domaintoolkit.Schema`, or in TOML with the same names. In TOML a
field is a table of the list `fields` (or `static`), with its `type`. Unknown names are errors; all problems of a
file are reported together, each with its path. A schema file may also have a table `[reader]`; in it, `columns` may
be left out if the files' headers are the schema's names.

This page is made from the code.
"""

DECLARATIONS: tuple[tuple[type[Any], str], ...] = (
    (Schema, "the top level of the file"),
    (Categorical, 'type = "categorical"'),
    (Numeric, 'type = "numeric"'),
    (Timestamp, 'type = "timestamp"'),
    (Text, 'type = "text"'),
    (Custom, 'type = "custom"'),
    (Split, "the table [split]"),
    (Composite, "the table [composite]"),
    (Reader, "the table [reader]"),
    (Column, "a table of the list reader.columns"),
)


def command_reference() -> str:
    """docs/reference/commands.md"""
    parts = [COMMANDS_HEAD, "```text", _help(), "```"]
    for name in COMMANDS:
        parts += ["", f"## {name}", "", "```text", _help(name), "```"]
    return "\n".join(parts) + "\n"


def _help(*names: str) -> str:
    result = CliRunner().invoke(main, [*names, "--help"], prog_name="domaintoolkit", terminal_width=100)
    return "\n".join(line.rstrip() for line in result.stdout.rstrip().splitlines())


def schema_reference() -> str:
    """docs/reference/schema.md"""
    return SCHEMA_HEAD + "".join(_declaration(kind, place) for kind, place in DECLARATIONS)


def _declaration(kind: type[Any], place: str) -> str:
    hints = get_type_hints(kind)
    lines = [
        "",
        f"## {kind.__name__}",
        "",
        f"{place[0].upper()}{place[1:]}" if " = " not in place else f"`{place}`",
        "",
    ]
    lines += [inspect.cleandoc(kind.__doc__ or ""), "", "| setting | type | default |", "|---|---|---|"]
    for name, parameter in inspect.signature(kind).parameters.items():
        if name != "type" or kind is Column:
            lines.append(f"| `{name}` | {_type(hints[name])} | {_default(parameter)} |")
    return "\n".join(lines) + "\n"


def _type(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(f"`{value!r}`" for value in get_args(hint)).replace("'", '"')
    named = {"FieldSpec": "field", "NoneType": "none"}
    text = re.sub(r"Annotated\[([^,\]]+)[^\]]*\]", r"\1", str(hint))
    if "Categorical" in text:
        return "list of fields"
    if "Literal" in text:
        options = re.findall(r"'(\w+)'", text)
        several = "list of " if "tuple" in text else ""
        return several + " or ".join(f'`"{option}"`' for option in options)
    words = re.sub(r"domaintoolkit\.[\w.]+\.(\w+)", r"\1", text)
    words = words.replace("<class '", "").replace("'>", "").replace(", ...]", "]").replace(" | None", "")
    words = re.sub(r"typing\.Optional\[(.*)\]", r"\1", words)
    words = re.sub(r"tuple\[(\w+)\]", r"list of \1", words)
    words = re.sub(r"dict\[.*\]", "table", words)
    plain = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    for short, long in {**plain, **named}.items():
        words = re.sub(rf"\b{short}\b", long, words)
    return words


def _default(parameter: inspect.Parameter) -> str:
    value = parameter.default
    if value is inspect.Parameter.empty:
        return "needed"
    if value is None or value == () or "factory" in repr(value):
        return "-"
    if isinstance(value, tuple):
        value = list(value)
    return f"`{value!r}`".replace("'", '"').replace("True", "true").replace("False", "false")


PAGES = {"docs/reference/commands.md": command_reference, "docs/reference/schema.md": schema_reference}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (ROOT / name).write_text(make(), encoding="utf-8")
