"""The label table that a command reads, and the options that describe it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from domaintoolkit.cli.pipes import keep_input
from domaintoolkit.cli.row_options import parse_headers

if TYPE_CHECKING:
    from domaintoolkit.labels import Kind, LabelTable
    from domaintoolkit.storage import EncodedFolder

__all__ = ["LabelOptions"]


@dataclass(frozen=True, slots=True)
class LabelOptions:
    """A file of labels or a label column of the streams, and how it is read."""

    labels: Path | None = None
    label: str | None = None
    label_headers: tuple[str, ...] = ()
    including: bool = False
    until: str | None = None
    validation_from: str | None = None
    test_from: str | None = None
    kind: Kind | None = None
    positive: str | None = None

    @property
    def is_given(self) -> bool:
        """True if the user named labels; a usage error if twice, or options of labels without them."""
        if self.labels is not None and self.label is not None:
            raise click.UsageError("give either a file of labels or --label NAME, not both")
        given = self.labels is not None or self.label is not None
        others = {
            "--column": self.label_headers,
            "--including": self.including,
            "--until": self.until,
            "--validation-from": self.validation_from,
            "--test-from": self.test_from,
            "--kind": self.kind,
            "--positive": self.positive,
        }
        idle = [name for name, value in others.items() if value]
        if idle and not given:
            raise click.UsageError(f"{', '.join(idle)}: no effect without labels; drop them")
        return given

    def read(self, folder: EncodedFolder) -> LabelTable:
        """The labels for the streams of a folder."""
        from domaintoolkit.labels import LabelSettings, read_labels, read_stream_labels

        settings = LabelSettings(
            headers=parse_headers(self.label_headers),
            including=self.including,
            until=self.until,
            validation_from=self.validation_from,
            test_from=self.test_from,
            kind=self.kind,
            positive=self.positive,
        )
        if self.label is not None:
            return read_stream_labels(folder, self.label, settings)
        assert self.labels is not None
        return read_labels(keep_input(self.labels), folder, settings)
