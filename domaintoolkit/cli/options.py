"""Options that several commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from domaintoolkit.cli.row_options import Given

__all__ = [
    "Whole",
    "as_json",
    "composites_option",
    "example",
    "limit_options",
    "on_bad_rows_option",
    "overwrite_option",
    "print_json",
    "rows_options",
    "threads_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class Whole(click.IntRange):
    """A whole number of at least `min`, which the help texts need not say."""

    name = "whole number"

    def __init__(self, min: int) -> None:
        super().__init__(min=min)
        self.least = min

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; one that is too small is an error that says what the smallest is."""
        number = click.INT.convert(value, param, ctx)
        return number if number >= self.least else self.fail(f"{number} is less than {self.least}", param, ctx)

    def _describe_range(self) -> str:
        return ""


def _stacked(*decorators: Callable[[F], F]) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def _delimiter(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """One character; a tab may be written as in most languages, since shells make it hard to type."""
    character = "\t" if value == "\\t" else value
    if character is not None and len(character) != 1:
        raise click.BadParameter(f"expected one character, got {value!r}", ctx, param)
    return character


def rows_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`[FILES]...` and the options that say what their rows look like; the command takes them as `given`."""

    @wraps(function)
    def command(
        domain_name: str | None,
        schema_file: Path | None,
        headers: tuple[str, ...],
        delimiter: str | None,
        files: tuple[str, ...],
        events: int | None,
        seed: int | None,
        **rest: Any,
    ) -> Any:
        return function(
            given=Given(domain_name, schema_file, headers, files, events, seed, delimiter=delimiter), **rest
        )

    return _stacked(
        click.argument("files", nargs=-1, type=click.Path(readable=False), metavar="[FILES]..."),
        click.option("--domain", "-d", "domain_name", metavar="NAME", help="An installed domain; see `domains`."),
        click.option(
            "--schema", "schema_file", type=click.Path(readable=False, path_type=Path), metavar="FILE",
            help="A TOML file that declares the schema, in place of a domain.",
        ),
        click.option(
            "--column", "headers", multiple=True, metavar="NAME=HEADER",
            help="The header that a column has in your file, where it differs. Repeatable.",
        ),
        click.option(
            "--delimiter", metavar="CHAR", callback=_delimiter,
            help="What parts the columns of your CSV, where it differs: ';' or '\\t'.",
        ),
        click.option(
            "--events", type=Whole(1), metavar="N",
            help="How many events the domain's sample has, without FILES.  [default: the domain's own number]",
        ),
        click.option("--seed", type=Whole(0), metavar="N", help="Seed of that sample.  [default: 0]"),
    )(command)  # fmt: skip


def on_bad_rows_option(function: F) -> F:
    """`--on-bad-rows`."""
    return click.option(
        "--on-bad-rows", type=click.Choice(["error", "quarantine"]), default="error", show_default=True,
        help="What becomes of rows that cannot be encoded: stop, or set them aside in a file with the reason.",
    )(function)  # fmt: skip


def threads_option(function: F) -> F:
    """`--threads`."""
    return click.option("--threads", type=Whole(1), metavar="N", help="Threads.  [default: as many as processors]")(
        function
    )


def limit_options(function: F) -> F:
    """`--memory`, `--threads` and `--temporary`."""
    return _stacked(
        click.option("--memory", default="2GB", show_default=True, metavar="SIZE", help="Memory to stay within."),
        threads_option,
        click.option(
            "--temporary", type=click.Path(path_type=Path), metavar="DIR",
            help="Where rows go that exceed the memory.  [default: within OUT]",
        ),
    )(function)  # fmt: skip


def composites_option(function: F) -> F:
    """`--composites`."""
    return click.option(
        "--composites", type=Whole(0), metavar="N",
        help="Learn N composites: tokens for what occurs together.  [default: as the schema declares]",
    )(function)  # fmt: skip


def overwrite_option(function: F) -> F:
    """`--overwrite`."""
    return click.option("--overwrite", is_flag=True, help="Replace what an earlier run has written there.")(function)


def as_json(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_output", is_flag=True, help="Print one JSON object, for programs.")(function)


def print_json(data: Any) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def example(*lines: str) -> str:
    """The end of a command's help: lines to copy, kept as they are."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])
