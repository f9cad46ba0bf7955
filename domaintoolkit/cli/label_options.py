"""The label table that a command reads, and the options that describe it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_labels
from domaintoolkit.cli.options import add_options
from domaintoolkit.cli.pipes import keep_input
from domaintoolkit.cli.row_options import parse_headers

if TYPE_CHECKING:
    from domaintoolkit.labels import LabelTable
    from domaintoolkit.storage import EncodedFolder

__all__ = ["LabelOptions", "label_options"]


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """A file of labels or a label column of the streams, and how it is read."""

    labels: Path | None
    label: str | None
    headers: tuple[str, ...]
    settings: dict[str, Any]
    """Further settings of the reading: arguments of `LabelSettings`, None or False if the user gave none."""

    @property
    def is_given(self) -> bool:
        """True if the user named labels; a usage error if twice, or options of labels without them."""
        if self.labels is not None and self.label is not None:
            raise click.UsageError("give either a file of labels or --label NAME, not both")
        given = self.labels is not None or self.label is not None
        others = {"column": self.headers, **self.settings}
        idle = [f"--{name.replace('_', '-')}" for name, value in others.items() if value]
        if idle and not given:
            raise click.UsageError(f"{', '.join(idle)}: no effect without labels; drop them")
        return given

    def read(self, folder: EncodedFolder) -> LabelTable:
        """The labels for the streams of a folder."""
        from domaintoolkit.labels import LabelSettings, read_labels, read_stream_labels

        settings = LabelSettings(parse_headers(self.headers), **self.settings)
        if self.label is not None:
            return read_stream_labels(folder, self.label, settings)
        assert self.labels is not None
        return read_labels(keep_input(self.labels), folder, settings)


def label_options(file: str, help: str, targets: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The option `file`, which names a label table, and those that describe it; the command takes them as `labels`.

    Without `targets`, only those are there that say which events are known.
    """
    settings = [
        click.option("--including", is_flag=True, help="Know the events at a date too, not only those before it."),
        click.option("--until", metavar="DATE", help="Know nothing after this date, whatever the date of a row."),
    ]
    if targets:
        settings += [
            click.option("--validation-from", metavar="DATE", help="Rows from this date on are for validation."),
            click.option("--test-from", metavar="DATE", help="Rows from this date on are for test."),
            click.option(
                "--kind", type=click.Choice(["binary", "multiclass", "regression"]),
                help="Kind of the target.  [default: by its values]",
            ),
            click.option("--positive", metavar="CLASS", help="Positive class.  [default: the one that sorts last]"),
        ]  # fmt: skip
    # in the order of `settings`
    names = ("including", "until", "validation_from", "test_from", "kind", "positive")[: len(settings)]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def command(labels: Path | None, label: str | None, headers: tuple[str, ...], **others: Any) -> Any:
            own = {name: others.pop(name) for name in names}
            return function(labels=LabelOptions(labels, label, headers, own), **others)

        return add_options(
            command,
            click.option(
                file, "labels", type=click.Path(readable=False, path_type=Path), metavar="FILE", help=help
            ),
            click.option(
                "--label", metavar="NAME", shell_complete=complete_labels,
                help="Label column of the streams, in place of a file.",
            ),
            click.option(
                "--column", "headers", multiple=True, metavar="NAME=HEADER",
                help="Header of the label table's column NAME: the key's, date, target, task, split or weight. "
                "Repeatable.",
            ),
            *settings,
        )  # fmt: skip

    return decorate
