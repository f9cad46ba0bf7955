"""Options that several commands share, and what they stand for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from domaintoolkit.schema import Domain
    from domaintoolkit.streams import SampleSource, Source

__all__ = [
    "as_json",
    "domain_of",
    "domain_options",
    "files_argument",
    "memory_option",
    "on_bad_rows_option",
    "print_json",
    "source_of",
]

F = TypeVar("F", bound=Callable[..., Any])


def _stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def domain_options(function: F) -> F:
    """`--domain`, `--schema` and `--column`: what the rows look like."""
    return _stacked(
        click.option("--domain", "-d", "domain_name", metavar="NAME", help="An installed domain; see `domains`."),
        click.option(
            "--schema", "schema_file", type=click.Path(path_type=Path), metavar="FILE",
            help="A TOML file that declares the schema, in place of a domain.",
        ),
        click.option(
            "--column", "headers", multiple=True, metavar="NAME=HEADER",
            help="The header that a column has in your file, where it differs. Repeatable.",
        ),
    )(function)  # fmt: skip


def files_argument(function: F) -> F:
    """`[FILES]...`"""
    return click.argument("files", nargs=-1, type=click.Path(), metavar="[FILES]...")(function)


def on_bad_rows_option(function: F) -> F:
    """`--on-bad-rows`."""
    return click.option(
        "--on-bad-rows", type=click.Choice(["error", "quarantine"]), default="error", show_default=True,
        help="What becomes of rows that cannot be encoded: stop, or set them aside in a file with the reason.",
    )(function)  # fmt: skip


def memory_option(function: F) -> F:
    """`--memory`, `--threads` and `--temporary`."""
    return _stacked(
        click.option("--memory", default="2GB", show_default=True, metavar="SIZE", help="Memory to stay within."),
        click.option("--threads", type=click.IntRange(min=1), metavar="N", help="Threads [default: all processors]."),
        click.option(
            "--temporary", type=click.Path(path_type=Path), metavar="DIR",
            help="Where rows are parted on disk when they exceed the memory [default: within OUT].",
        ),
    )(function)  # fmt: skip


def as_json(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_output", is_flag=True, help="Print one JSON object, for programs.")(function)


def print_json(data: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=False))


def domain_of(domain_name: str | None, schema_file: Path | None) -> Domain:
    """The domain that the options name; exactly one of them must."""
    if (domain_name is None) == (schema_file is None):
        raise click.UsageError("give either --domain NAME or --schema FILE; `domaintoolkit domains` lists the domains")
    if domain_name is not None:
        from domaintoolkit.registry import get_domain

        return get_domain(domain_name)
    from domaintoolkit.streams import domain_from_toml

    assert schema_file is not None
    return domain_from_toml(schema_file)


def source_of(domain: Domain, files: tuple[str, ...], headers: tuple[str, ...]) -> Source | SampleSource:
    """The files, or the domain's own sample where there are none, ready to be read."""
    from domaintoolkit.streams import open_source, sample_source, with_headers

    if not files:
        if headers:
            raise click.UsageError("--column says what a header of your file is called, and there are no FILES")
        return sample_source(domain)
    return open_source(files, with_headers(domain.reader, _pairs(headers)))


def _pairs(headers: tuple[str, ...]) -> dict[str, str]:
    pairs = {}
    for text in headers:
        name, equals, header = text.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--column takes NAME=HEADER, got {text!r}")
        if name in pairs:
            raise click.UsageError(f"--column names {name!r} twice")
        pairs[name] = header
    return pairs
