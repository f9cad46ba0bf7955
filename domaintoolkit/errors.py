"""Every error that domaintoolkit raises on purpose.

One base class; each type carries what a program needs as fields, and a message that a person can act on.
`exit_status` is what the command line ends with: 2 for bad usage, 1 for bad data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = [
    "ArtifactError",
    "DataError",
    "DecodeError",
    "DivergedError",
    "DomainToolkitError",
    "Interrupted",
    "LookupFailedError",
    "MissingExtraError",
    "NewerVersionError",
    "NotFittedError",
    "OutputError",
    "PluginError",
    "Problem",
    "Refusal",
    "SchemaError",
    "SourceError",
    "VocabularyError",
    "VocabularyMismatchError",
    "printable",
    "shown",
]

_GARBLING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What moves a terminal's cursor, changes its colours or turns the direction of writing; line breaks may."""


def printable(text: str) -> str:
    r"""Text that comes out of data, such that a terminal shows all of it: `\x1b` for an escape character."""
    return _GARBLING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


SHOWN = 20
"""How many problems a message spells out before it only counts the rest."""


class DomainToolkitError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a declaration, and where: `fields[2].bins`."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row that cannot be encoded. `row` counts data rows from 0; None means the whole table."""

    row: int | None
    column: str | None
    reason: str
    source: str | None = None
    """The file that the row is in, where there is one."""
    line: int | None = None
    """The line of that file, from 1, where it is text."""

    def __str__(self) -> str:
        place = [self.source] if self.source else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        return f"{', '.join(place)}: {self.reason}" if place else self.reason


def _listed(head: str, items: Sequence[object], total: int) -> str:
    lines = [head, *(f"  {item}" for item in items[:SHOWN])]
    if total > min(len(items), SHOWN):
        lines.append(f"  ... and {total - min(len(items), SHOWN)} more")
    return "\n".join(lines)


class SchemaError(DomainToolkitError, ValueError):
    """A declaration that cannot stand; `problems` holds all of them, each with its path."""

    exit_status = 2

    def __init__(self, problems: Iterable[Problem], what: str = "schema") -> None:
        self.problems = tuple(problems)
        head = f"{what} has {_count(len(self.problems), 'problem')}"
        super().__init__(_listed(head, self.problems, len(self.problems)))


class DataError(DomainToolkitError, ValueError):
    """Rows that cannot be encoded; `refusals` holds the first of them, `total` counts all."""

    def __init__(self, refusals: Iterable[Refusal], total: int | None = None) -> None:
        self.refusals = tuple(refusals)
        self.total = len(self.refusals) if total is None else total
        super().__init__(_listed(f"{_count(self.total, 'problem')} in the data", self.refusals, self.total))


class SourceError(DomainToolkitError):
    """A file that cannot be read as what it is said to be."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in the middle of work; the message says what is kept, and how to go on."""


class OutputError(DomainToolkitError):
    """An output folder or file that cannot be written, or that holds something else."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class DivergedError(DomainToolkitError):
    """A training run whose numbers are not finite any more, as seen at `step`; nothing of it is kept since."""

    def __init__(self, step: int, what: str, kept: str) -> None:
        self.step = step
        hint = "try a lower learning rate, or a longer warm-up"
        super().__init__(f"training has diverged: {what} of step {step} is not finite; {kept}; {hint}")


class ArtifactError(DomainToolkitError):
    """A saved file that is missing, cut short, altered or not ours."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class NewerVersionError(ArtifactError):
    """A saved file in a format that a later version of domaintoolkit wrote."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.found, self.supported = found, supported
        super().__init__(path, f"format version {found} is newer than {supported}, the latest that this version reads")


class VocabularyError(DomainToolkitError, ValueError):
    """Tokens that do not make a vocabulary: duplicates, names that cannot be read back."""


class VocabularyMismatchError(DomainToolkitError):
    """Streams of one vocabulary given to something made for another."""

    def __init__(self, expected: str, found: str, hint: str = "") -> None:
        self.expected, self.found = expected, found
        super().__init__(f"expected vocabulary {expected}, found {found}{'; ' + hint if hint else ''}")


class DecodeError(DomainToolkitError, ValueError):
    """Ids that are not a stream of this vocabulary."""

    def __init__(self, reason: str, stream: int | None = None, position: int | None = None) -> None:
        self.reason, self.stream, self.position = reason, stream, position
        place = ", ".join(f"{word} {at}" for word, at in (("stream", stream), ("position", position)) if at is not None)
        super().__init__(f"{place}: {reason}" if place else reason)


class NotFittedError(DomainToolkitError):
    """A tokenizer used before `fit`."""

    exit_status = 2


class LookupFailedError(DomainToolkitError, KeyError):
    """A name that nothing answers to; lists what there is. `note` is a line of its own below."""

    exit_status = 2

    def __init__(self, what: str, name: object, available: Iterable[object], note: str = "") -> None:
        self.what, self.name, self.available = what, name, tuple(sorted(str(item) for item in available))
        close = get_close_matches(str(name), self.available, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(self.available[:SHOWN]) or "none"
        more = f", ... ({len(self.available)} in all)" if len(self.available) > SHOWN else ""
        self.message = f"no {what} {name!r}; there is: {listed}{more}{hint}" + (f"\n{note}" if note else "")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class PluginError(DomainToolkitError):
    """A plugin that failed to load or to answer, with its distribution and the cause."""

    def __init__(self, plugin: str, distribution: str | None, reason: str) -> None:
        self.plugin, self.distribution, self.reason = plugin, distribution, reason
        origin = f" (from {distribution})" if distribution else ""
        super().__init__(f"plugin {plugin!r}{origin}: {reason}")


class MissingExtraError(DomainToolkitError, ImportError):
    """An optional part that is not installed."""

    exit_status = 2

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"this needs {package}, which is not installed: pip install 'domaintoolkit[{extra}]'")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def shown(value: bytes | str, limit: int = 60) -> str:
    """`value` as a message quotes it, cut where it is long."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}... ({len(text):,} characters)"
