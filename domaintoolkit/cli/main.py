"""The `domaintoolkit` command: its subcommands, and one form for every error message."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import Any, NoReturn

import click

from domaintoolkit.cli.failures import describe_usage_error, print_failure, wants_json

__all__ = ["COMMANDS", "main"]

COMMANDS = {
    "domains": "List the installed domains, and the plugins that failed to load.",
    "sample": "Write a domain's simulated sample in the layout of its raw files.",
    "check": "Check every contract of an installed domain.",
    "new": "Propose a schema for a table, and write a plugin with it.",
    "encode": "Turn a table of events into token streams.",
    "fit": "Fit a tokenizer on a table, without encoding it.",
    "decode": "Turn token streams back into a table.",
    "verify": "Check the round trip on your own rows.",
    "drift": "Compare new data with the data in an encoded folder.",
    "report": "Write a page about an encoded folder or a training run.",
    "inspect": "Show the tokens of one entity's history, event by event.",
    "suggest": "Say what to change in a schema, from what it encoded.",
    "export": "Write the streams or the vocabulary for other programs.",
    "train": "Pre-train a model on token streams.",
    "finetune": "Fine-tune a model for a target.",
    "predict": "Write a probability or a value for each row of a table.",
    "study": "Train a grid of models and compare them on a page.",
    "plan": "Estimate parameters, memory, time and cost of a training run.",
    "embed": "Write embeddings of entities, of label rows or of events.",
    "evaluate": "Say what a model is worth, next to simple rules.",
    "generate": "Continue or start histories, or predict the next event.",
}

INTERRUPTED = 130
"""The exit status that shells report for a command that was ended by Ctrl-C."""

AS_JSON = "domaintoolkit.as_json"
"""The context's note that errors are to be printed as JSON too."""

EXTRAS = {
    **dict.fromkeys(
        ("torch", "x_transformers", "accelerate", "safetensors", "huggingface_hub", "tensorboard"), "train"
    ),
    **dict.fromkeys(("scipy", "sklearn", "lightgbm"), "evaluate"),
    "pyspark": "spark",
    "openTSNE": "report",
    "hypothesis": "testing",
}
"""Optional packages, and the extra that installs each."""


class _LazyGroup(click.Group):
    """A group that knows the names and summaries of its commands, and imports a command only to call it."""

    def make_context(self, info_name: str | None, args: list[str], *others: Any, **extra: Any) -> click.Context:
        # before click reads the arguments, so that an error in these is JSON too
        as_json = wants_json(args)
        try:
            context = super().make_context(info_name, args, *others, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message())
            sys.exit(0)
        except click.UsageError as error:
            sys.exit(_report_usage(error, error.ctx, as_json))
        except KeyboardInterrupt as interrupt:  # click itself would end with exit status 1
            print_failure("interrupted", INTERRUPTED, as_json, interrupt)
            sys.exit(INTERRUPTED)
        context.meta[AS_JSON] = as_json
        return context

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
            from domaintoolkit.errors import unknown_name

            ctx.fail(unknown_name("command", args[0], COMMANDS))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        from domaintoolkit.errors import DomainToolkitError

        try:
            try:
                with _sign_of_life():
                    return super().invoke(ctx)
            finally:
                # here, a reader that has gone can be told from other errors; Python's own flush at exit prints it
                sys.stdout.flush()
        except click.UsageError as error:
            ctx.exit(_report_usage(error, error.ctx or ctx, ctx.meta[AS_JSON]))
        except DomainToolkitError as error:
            _fail(ctx, f"{error}{self._way_on(ctx, error)}", error.exit_status, error)
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            message = f"this needs {error.name}, which is not installed: pip install 'domaintoolkit[{extra}]'"
            _fail(ctx, message, 2, error)
        except MemoryError as error:
            _fail(ctx, "out of memory; try a smaller --memory", 1, error)
        except KeyboardInterrupt as interrupt:
            _fail(ctx, str(interrupt) or "interrupted", INTERRUPTED, interrupt)
        except SystemError as error:  # numba turns Ctrl-C in a compiled loop into a SystemError
            if not isinstance(error.__cause__, KeyboardInterrupt):
                raise
            _fail(ctx, "interrupted", INTERRUPTED, error.__cause__)
        except BrokenPipeError:
            _silence_stdout()
            ctx.exit(1)
        except OSError as error:
            _fail(ctx, _describe_os_error(error), 1, error)

    def _way_on(self, ctx: click.Context, error: BaseException) -> str:
        """A last line for rows that cannot be encoded, if the command can go on without them."""
        from domaintoolkit.errors import DataError

        command = self.get_command(ctx, ctx.invoked_subcommand or "")
        has_option = command is not None and any(each.name == "on_bad_rows" for each in command.params)
        is_meant = isinstance(error, DataError) and has_option
        return "\nto go on without such rows, give --on-bad-rows quarantine" if is_meant else ""


def _sign_of_life() -> AbstractContextManager[object]:
    """A line every half minute on standard error, unless that is a terminal; progress of a job takes its place."""
    if sys.stderr.isatty() or os.environ.get("RANK", "0") != "0":
        return nullcontext()
    from domaintoolkit.util.pulse import Pulse

    return Pulse(sys.stderr, "at work")


def _fail(ctx: click.Context, message: str, status: int, error: BaseException) -> NoReturn:
    """Print an error as every command prints it, and end with `status`."""
    print_failure(message, status, ctx.meta[AS_JSON], error)
    ctx.exit(status)


def _report_usage(error: click.UsageError, ctx: click.Context | None, as_json: bool) -> int:
    """Print a usage error, ours or click's, with the command's usage line; return the exit status."""
    print_failure(describe_usage_error(error), error.exit_code, as_json, error)
    if ctx is not None and not as_json:
        click.echo(f"\n{ctx.get_usage()}\nFor more, try: {ctx.command_path} --help", err=True)
    return error.exit_code


def _describe_os_error(error: OSError) -> str:
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason


def _silence_stdout() -> None:
    """Send standard output to the null device: its reader has gone, and the flush at exit would fail again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@click.command(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="domaintoolkit")
def main() -> None:
    """Turn tables of events into token streams, and pre-train compact transformers on them.

    To start, run: domaintoolkit encode --domain ecommerce
    """
