"""Options that several commands share."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import partial, wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from domaintoolkit.cli.completion import complete_columns, complete_domains
from domaintoolkit.cli.row_options import RowOptions
from domaintoolkit.model import DEFAULT_POOLING, POOLINGS
from domaintoolkit.util.collector import collect_seldom
from domaintoolkit.util.pandas_on_demand import defer_pandas

__all__ = [
    "AtLeast",
    "Limits",
    "add_options",
    "bundle",
    "composites_option",
    "device_option",
    "format_examples",
    "json_option",
    "limit_options",
    "memory_option",
    "model_options",
    "model_threads_option",
    "on_bad_rows_option",
    "overwrite_option",
    "parse_time",
    "print_json",
    "reads_tables",
    "row_options",
    "threads_option",
]

F = TypeVar("F", bound=Callable[..., Any])


class AtLeast(click.IntRange):
    """A whole number of at least `min`; help texts do not repeat the range."""

    name = "whole number"

    def __init__(self, min: int) -> None:
        super().__init__(min=min)
        self.least = min

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; an error about a number that is too small says what the smallest is."""
        number = click.INT.convert(value, param, ctx)
        return number if number >= self.least else self.fail(f"{number} is less than {self.least}", param, ctx)

    def _describe_range(self) -> str:
        return ""


@dataclass(frozen=True, slots=True)
class Limits:
    """The resources that a command may use. They change nothing in what it writes, but for
    composites: these are learned from as many entities as fit into the memory."""

    memory: str
    threads: int | None
    temporary: Path | None

    def as_arguments(self) -> dict[str, Any]:
        """The limits as keyword arguments of a job."""
        return {"memory": self.memory, "threads": self.threads, "temporary": self.temporary}


def bundle(function: Callable[..., Any], kind: type[Any], name: str) -> Callable[..., Any]:
    """Let `function` take one `kind`, as the argument `name`, in place of an argument for each of its fields."""
    parts = [entry.name for entry in fields(kind)]

    @wraps(function)
    def command(**arguments: Any) -> Any:
        bundled = kind(**{part: arguments.pop(part) for part in parts if part in arguments})
        return function(**{name: bundled}, **arguments)

    return command


def add_options(function: F, *options: Callable[[F], F]) -> F:
    """`function` with the options, in their order."""
    for option in reversed(options):  # decorators apply from the bottom up
        function = option(function)
    return function


@contextmanager
def reads_tables() -> Iterator[None]:
    """Decorate a command that goes through tables, so that it starts sooner: see the two functions that it calls."""
    with collect_seldom():
        defer_pandas()
        yield


def _parse_delimiter(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    r"""A delimiter. `\t` is a tab, which shells make hard to type, and `\u0001` the character of this number."""
    if value == "":
        raise click.BadParameter("expected at least one character, got ''", ctx, param)
    named = re.fullmatch(r"\\(?:t|u([0-9a-fA-F]{4}))", value or "")
    return value if named is None else "\t" if named[1] is None else chr(int(named[1], 16))


def row_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`[FILES]...` and the options that describe their rows; the command takes them as `rows`."""
    return add_options(
        bundle(function, RowOptions, "rows"),
        click.argument("files", nargs=-1, type=click.Path(readable=False), metavar="[FILES]..."),
        click.option("--domain", "-d", "domain_name", metavar="NAME", shell_complete=complete_domains,
            help="Installed domain; `domains` lists them.",
        ),
        click.option(
            "--schema", "schema_file", type=click.Path(readable=False, path_type=Path), metavar="FILE",
            help="TOML file that declares the schema, instead of a domain; - is standard input.",
        ),
        click.option(
            "--column", "headers", multiple=True, metavar="NAME=HEADER", shell_complete=complete_columns,
            help="Header of the column NAME in your files, if it differs. Repeatable.",
        ),
        click.option(
            "--delimiter", metavar="CHAR", callback=_parse_delimiter,
            help="Column separator of your CSV files, such as ';' or '\\t', if it differs.",
        ),
        click.option(
            "--events", type=AtLeast(1), metavar="N",
            help="Events to simulate, if there are no FILES.  [default: the domain's own number]",
        ),
        click.option("--seed", type=AtLeast(0), metavar="N", help="Seed of the simulation.  [default: 0]"),
    )  # fmt: skip


def pooling_option(function: F) -> F:
    """`--pooling`."""
    return click.option(
        "--pooling", type=click.Choice(POOLINGS),
        help="Vector of a history: the mean of all positions, a mean whose weights were trained, the last position, or "
        f"last and mean.  [default: {DEFAULT_POOLING}]",
    )(function)  # fmt: skip


def on_bad_rows_option(function: F) -> F:
    """`--on-bad-rows`."""
    return click.option(
        "--on-bad-rows", type=click.Choice(["error", "quarantine"]), default="error", show_default=True,
        help="Rows that cannot be encoded: `error` stops; `quarantine` writes them, with reasons, to a file.",
    )(function)  # fmt: skip


def threads_option(function: F) -> F:
    """`--threads`."""
    return click.option("--threads", type=AtLeast(1), metavar="N", help="Threads.  [default: one per processor]")(
        function
    )


def model_threads_option(function: F, exposed: bool = False) -> F:
    """`--threads` of a command that runs a model: torch keeps to them until the command ends.

    If `exposed`, the command also takes the number, as `threads`.
    """
    return click.option(
        "--threads", type=AtLeast(1), metavar="N", callback=_limit_torch_threads, expose_value=exposed,
        help="Threads. Fewer are faster if other programs use the processors too.  [default: one per processor]",
    )(function)  # fmt: skip


def _limit_torch_threads(ctx: click.Context, _: click.Parameter, value: int | None) -> int | None:
    if value is not None and not ctx.resilient_parsing:
        from domaintoolkit.model import limit_threads

        ctx.call_on_close(partial(limit_threads, limit_threads(value)))
    return value


def memory_option(function: F) -> F:
    """`--memory`."""
    return click.option("--memory", default="2GB", show_default=True, metavar="SIZE", help="Memory limit.")(function)


def limit_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--memory`, `--threads` and `--temporary`; the command takes them as `limits`."""
    return add_options(
        bundle(function, Limits, "limits"),
        memory_option,
        threads_option,
        click.option(
            "--temporary", type=click.Path(path_type=Path), metavar="DIR",
            help="Folder for the rows that exceed the memory limit.  [default: inside OUT]",
        ),
    )  # fmt: skip


def composites_option(function: F) -> F:
    """`--composites`."""
    return click.option(
        "--composites", type=AtLeast(0), metavar="N",
        help="Learn N composites: tokens for tokens that occur together.  [default: as the schema declares]",
    )(function)  # fmt: skip


def overwrite_option(function: F) -> F:
    """`--overwrite`."""
    return click.option("--overwrite", is_flag=True, help="Replace the output of an earlier run.")(function)


def device_option(function: F) -> F:
    """`--device`."""
    return click.option("--device", metavar="NAME", help="cpu, cuda, ...  [default: a GPU if there is one]")(function)


def model_options(function: F) -> F:
    """`--device` and `--threads` of a command that runs a model."""
    return add_options(function, device_option, model_threads_option)


def json_option(function: F) -> F:
    """`--json`."""
    return click.option("--json", "json_output", is_flag=True, help="Print one JSON object, for programs.")(function)


def print_json(data: Any) -> None:
    """Print one JSON object on standard output; a number that is not finite is null there, since JSON has none."""
    click.echo(json.dumps(_without_nan(data), ensure_ascii=False, indent=2, allow_nan=False))


def _without_nan(data: Any) -> Any:
    if isinstance(data, dict):
        return {name: _without_nan(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_without_nan(value) for value in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def format_examples(*lines: str) -> str:
    """The end of a command's help text: lines to copy, which click does not wrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


TIME_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


def parse_time(ctx: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """A time with its unit: `30m`, `1.5h`, `90s`."""
    if value is None:
        return None
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([smh])\s*", value)
    if match is None or float(match[1]) <= 0:
        raise click.BadParameter(f"expected a time such as 30m or 2h, got {value!r}", ctx, parameter)
    return float(match[1]) * TIME_UNITS[match[2]]
