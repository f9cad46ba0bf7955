"""The errors of commands: click's and ours in one voice, as lines for people or as one JSON object for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

__all__ = ["describe_usage_error", "print_failure", "wants_json"]

REWORDED = (
    (r"(.*) is not a valid integer(?: range)?\.", r"expected a whole number, got \1"),
    (r"(.*) is not a valid float(?: range)?\.", r"expected a number, got \1"),
    (r"Got unexpected extra argument \((.*)\)", r"unexpected argument '\1'"),
    (r"Got unexpected extra arguments \((.*)\)", r"unexpected arguments: \1"),
    (r"Option '(.*)' requires an argument\.", r"\1 needs a value"),
    (r"Option '(.*)' requires (\d+) arguments\.", r"\1 needs \2 values"),
    (r"Option '(.*)' does not take a value\.", r"\1 takes no value"),
)
"""Messages of click, and the same in the words of ours."""

CHOICES = re.compile(r"'(.*)' is not (?:one of )?('.*')\.", re.DOTALL)


def wants_json(arguments: Sequence[str]) -> bool:
    """Return True if `--json` is among the arguments of a command, whether or not they can be read."""
    options = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "--json" in options


def print_failure(message: str, status: int, as_json: bool, error: BaseException | None = None) -> None:
    """Print an error: a line on standard error, or with `as_json` one object on standard output.

    The object has `type`, `message`, `exit_status`, and the fields that the error has for programs.
    """
    from domaintoolkit.errors import printable

    if not as_json:
        click.echo(f"error: {printable(message)}", err=True)
        return
    kind = "Interrupted" if isinstance(error, KeyboardInterrupt) else type(error).__name__
    found = {"type": kind, "message": message, "exit_status": status, **_fields(error)}
    click.echo(json.dumps({"error": found}, ensure_ascii=False, indent=2, default=str))


def _fields(error: BaseException | None) -> dict[str, Any]:
    """The fields that an error of ours has for programs, as plain data."""
    from domaintoolkit.errors import DomainToolkitError

    if not isinstance(error, DomainToolkitError):
        return {}
    return {name: _plain(value) for name, value in vars(error).items() if name != "message" and name[0] != "_"}


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Path):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def describe_usage_error(error: click.UsageError) -> str:
    """The message of a usage error in our words: the option first, then the value, then the way out."""
    if isinstance(error, click.NoSuchOption):
        close = get_close_matches(error.option_name, _options(error.ctx), n=1, cutoff=0.7)
        return f"unknown option {error.option_name!r}" + (f"; did you mean {close[0]!r}?" if close else "")
    if isinstance(error, click.MissingParameter):
        return f"give {_describe_missing(error)}"
    if isinstance(error, click.BadParameter) and error.param is not None:
        return f"{_name(error.param, error.ctx)}: {_reword(error.message)}"
    return _reword(error.format_message())


def _describe_missing(error: click.MissingParameter) -> str:
    if error.param is None:
        return error.format_message()
    name = _name(error.param, error.ctx)
    if not isinstance(error.param, click.Option) or error.ctx is None:
        return name
    return f"{name} {error.param.make_metavar(error.ctx)}"


def _name(param: click.Parameter, ctx: click.Context | None) -> str:
    """An option as people type it, or the word that the usage line has for an argument."""
    if isinstance(param, click.Option):
        # the long form: --out, not -o
        return max(param.opts, key=len)
    return param.human_readable_name if ctx is None else param.make_metavar(ctx).strip("[].")


def _options(ctx: click.Context | None) -> list[str]:
    return [] if ctx is None else [name for param in ctx.command.get_params(ctx) for name in param.opts]


def _reword(message: str) -> str:
    from domaintoolkit.errors import unknown_name

    choices = CHOICES.fullmatch(message)
    if choices:
        return unknown_name("value", choices[1], re.findall("'([^']*)'", choices[2]))
    for pattern, words in REWORDED:
        if re.fullmatch(pattern, message):
            return re.sub(pattern, words, message)
    text = message.removesuffix(".")
    # click begins with a capital letter, but a name of ours may too, such as NAME=VALUE
    return text[0].lower() + text[1:] if text[1:2].islower() else text
