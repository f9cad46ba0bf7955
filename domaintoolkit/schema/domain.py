"""`Domain`: a schema with a name, a reader for its raw files and a seeded sample."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from typing import Protocol

import pyarrow as pa

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.reader import Reader
from domaintoolkit.schema.schema import Schema

__all__ = ["Domain", "Sample"]

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


class Sample(Protocol):
    """Simulated events: about `events` rows with the reader's columns, equal for equal `seed`."""

    def __call__(self, events: int, seed: int) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True, repr=False)
class Domain:
    """A domain, as a plugin registers it. `recipe` is the TOML file of settings for training on it.

    `bot_rules` are the rules by which `evaluate --clusters` tells bots from people, such as `steady`.
    """

    name: str
    description: str
    schema: Schema
    reader: Reader
    sample: Sample
    sample_events: int = 20_000
    """Events of the sample that `encode` uses if it gets no files."""
    recipe: Traversable | None = field(default=None, compare=False)
    bot_rules: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        found = []
        if not _NAME.fullmatch(self.name):
            found.append(
                Problem(
                    "name", f"must be lower-case letters, digits, - and _, and begin with a letter; got {self.name!r}"
                )
            )
        declared = {column.name for column in self.reader.columns}
        found += [
            Problem("reader.columns", f"column {name!r} of the schema is missing")
            for name in self.schema.columns
            if name not in declared
        ]
        if found:
            raise SchemaError(found, f"domain {self.name!r}")

    def __repr__(self) -> str:
        return f"<Domain {self.name!r}: {self.description}>"
