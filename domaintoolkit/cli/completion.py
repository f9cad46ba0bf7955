"""The names that a shell offers for a value: domains, presets, devices, fields and columns.

A completion that fails offers nothing: a shell has no place for an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from domaintoolkit.schema import Schema

__all__ = [
    "complete_columns",
    "complete_devices",
    "complete_domains",
    "complete_fields",
    "complete_forms",
    "complete_labels",
    "complete_model_settings",
    "complete_presets",
    "complete_studies",
]

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _offer(names: Callable[[click.Context], Iterable[tuple[str, str]]]) -> Completion:
    """A completion of click from a function that gives (name, help) pairs."""

    @wraps(names)
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            return [CompletionItem(name, help=text) for name, text in names(ctx) if name.startswith(incomplete)]
        except Exception:  # of a plugin, or of a file that is not there yet
            return []

    return complete


@_offer
def complete_domains(_: click.Context) -> list[tuple[str, str]]:
    """The installed domains, with their descriptions."""
    from domaintoolkit.registry import list_domains

    return [(domain.name, domain.description) for domain in list_domains().domains.values()]


@_offer
def complete_presets(_: click.Context) -> list[tuple[str, str]]:
    """The presets of models."""
    from domaintoolkit.model import EVENT_PRESETS, PRESETS

    return [
        (name, ", ".join(f"{setting} {value}" for setting, value in settings.items()))
        for name, settings in {**PRESETS, **EVENT_PRESETS}.items()
    ]


@_offer
def complete_devices(_: click.Context) -> list[tuple[str, str]]:
    """The devices that `plan` knows."""
    from domaintoolkit.model import DEVICES

    return [(name, "") for name in DEVICES]


@_offer
def complete_model_settings(_: click.Context) -> list[tuple[str, str]]:
    """`NAME=` for each setting of a model that a recipe may change."""
    from domaintoolkit.model import EventModelConfig

    fixed = {"vocabulary_size", "block", "composites"}
    return [(f"{name}=", "") for name in EventModelConfig.__dataclass_fields__ if name not in fixed]


@_offer
def complete_columns(ctx: click.Context) -> list[tuple[str, str]]:
    """`NAME=` for each column that the schema needs."""
    schema = _find_schema(ctx)
    others = () if schema.time is None else (schema.time,)
    fields = (spec.name for spec in (*schema.static, *schema.fields))
    return [(f"{name}=", "") for name in dict.fromkeys((*schema.entity, *others, *fields, *schema.labels))]


@_offer
def complete_studies(_: click.Context) -> list[tuple[str, str]]:
    """The studies that the package ships, with their titles."""
    from domaintoolkit.studies import load_study, study_names

    return [(name, load_study(name).title) for name in study_names()]


@_offer
def complete_forms(ctx: click.Context) -> list[tuple[str, str]]:
    """The sizes of the study that the arguments so far name."""
    from domaintoolkit.studies import load_study

    name = ctx.params.get("name") or ctx.args[0]
    return [(form, "") for form in load_study(name).forms]


@_offer
def complete_labels(ctx: click.Context) -> list[tuple[str, str]]:
    """The label columns of the streams."""
    return [(name, "") for name in _find_schema(ctx).labels]


@_offer
def complete_fields(ctx: click.Context) -> list[tuple[str, str]]:
    """The fields of the schema, each with its type."""
    schema = _find_schema(ctx)
    return [(spec.name, spec.type) for spec in (*schema.static, *schema.fields)]


def _find_schema(ctx: click.Context) -> Schema:
    """The schema that the arguments so far name: that of an encoded folder or a run, a schema file or a domain."""
    given = ctx.params
    # click leaves the arguments unread if the last option has no value yet
    for folder in (given.get("folder"), given.get("run"), *(given.get("paths") or ()), *ctx.args):
        found = None if folder is None else Path(folder) / "tokenizer" / "schema.toml"
        if found is not None and found.exists():
            from domaintoolkit.schema import Schema

            return Schema.from_toml(found)
    if given.get("schema_file"):
        from domaintoolkit.reading import domain_from_toml

        return domain_from_toml(given["schema_file"]).schema
    from domaintoolkit.registry import get_domain

    return get_domain(given["domain_name"]).schema
