"""The `domaintoolkit` command: its subcommands, and what a user is told when something is wrong."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import Any

import click

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "domains": "List the installed domains, and plugins that failed to load.",
    "encode": "Turn a table of events into token streams.",
    "fit": "Learn a tokenizer from a table, without encoding it.",
    "decode": "Turn token streams back into a table.",
    "verify": "Prove the round trip on your own rows.",
    "drift": "Compare new data with what a folder was made of.",
    "inspect": "Show one entity's history as tokens under its events.",
    "export": "Write streams or the vocabulary for other programs.",
    "train": "Pre-train a model on token streams.",
    "plan": "Estimate parameters, memory, time and cost of a training run.",
    "embed": "Write an embedding of each entity.",
    "generate": "Continue or start histories, and predict next events.",
}

INTERRUPTED = 130
"""What a shell reports for a command that Ctrl-C has ended."""

EXTRAS = {
    **dict.fromkeys(
        ("torch", "x_transformers", "accelerate", "safetensors", "huggingface_hub", "tensorboard"), "train"
    ),
    "pyspark": "spark",
    "matplotlib": "report",
    "jinja2": "report",
}
"""Which extra brings a package that may be missing."""


class _Lazy(click.Group):
    """Knows the names and summaries of its commands; a command's module is imported when it is called."""

    def make_context(self, *args: Any, **kwargs: Any) -> click.Context:
        try:
            return super().make_context(*args, **kwargs)
        except KeyboardInterrupt:  # of which click would make an exit status of 1
            click.echo("error: interrupted", err=True)
            sys.exit(INTERRUPTED)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"domaintoolkit.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"no command {args[0]!r}; there is: {', '.join(COMMANDS)}{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        from domaintoolkit.errors import DomainToolkitError

        try:
            return super().invoke(ctx)
        except DomainToolkitError as error:
            _fail(ctx, str(error), error.exit_status)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            _fail(ctx, f"this needs {error.name}, which is not installed: pip install 'domaintoolkit[{extra}]'", 2)
        except MemoryError:
            _fail(ctx, "out of memory; try a smaller --memory", 1)
        except KeyboardInterrupt as interrupt:
            _fail(ctx, str(interrupt) or "interrupted", INTERRUPTED)
        except SystemError as error:  # what numba makes of Ctrl-C in a compiled loop
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
            _fail(ctx, "interrupted", INTERRUPTED)
        except BrokenPipeError:
            _silence_pipe()
            ctx.exit(1)
        except OSError as error:
            _fail(ctx, _described(error), 1)


def _fail(ctx: click.Context, message: str, status: int) -> None:
    from domaintoolkit.errors import printable

    click.echo(f"error: {printable(message)}", err=True)
    ctx.exit(status)


def _described(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _silence_pipe() -> None:
    """The reader of our output has gone; flushing at exit would raise once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="domaintoolkit")
def main() -> None:
    """Turn tables of events into token streams, and pre-train compact transformers on them.

    Start with: domaintoolkit encode --domain ecommerce
    """
