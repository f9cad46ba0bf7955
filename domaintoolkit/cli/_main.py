"""The `domaintoolkit` command: its subcommands, and what a user is told when something is wrong."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

__all__ = ["main"]

COMMANDS = {
    "domains": "List the installed domains, and plugins that failed to load.",
    "encode": "Turn a table of events into token streams.",
    "fit": "Learn a tokenizer from a table, without encoding it.",
    "decode": "Turn token streams back into a table.",
    "verify": "Prove the round trip on your own rows.",
    "inspect": "Show one entity's history as tokens under its events.",
    "drift": "Compare new data with what a tokenizer was fitted on.",
    "export": "Write streams or the vocabulary for other programs.",
    "train": "Pre-train a model on token streams.",
    "plan": "Estimate parameters, memory, time and cost of a training run.",
    "embed": "Write an embedding of each entity.",
    "generate": "Continue or start histories, and predict next events.",
}


class _Lazy(click.Group):
    """Knows the names and summaries of its commands; a command's module is imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"domaintoolkit.cli._{cmd_name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        from domaintoolkit.errors import DomainToolkitError

        try:
            return super().invoke(ctx)
        except DomainToolkitError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(error.exit_status)
        except MemoryError:
            click.echo("error: out of memory; try a smaller --memory", err=True)
            ctx.exit(1)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                _silence_pipe()
                ctx.exit(1)
            click.echo(f"error: {_described(error)}", err=True)
            ctx.exit(1)


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
