"""Every error that domaintoolkit raises on purpose.

All have one base class. Each type has fields for programs, and a message that a person can act on.
`exit_status` is the exit status of the command line: 2 for bad usage, 1 for bad data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
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
    "PathError",
    "PluginError",
    "Problem",
    "ProposalError",
    "Refusal",
    "SchemaError",
    "SourceError",
    "StudyRunsError",
    "VocabularyError",
    "VocabularyMismatchError",
    "cause",
    "pluralize",
    "printable",
    "quote",
    "unknown_name",
]

_GARBLING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""Characters that move the cursor, change colours or reverse the text of a terminal. Line breaks are allowed."""


def printable(text: str) -> str:
    r"""`text` with control characters escaped (`\x1b`), so that data cannot garble a terminal."""
    return _GARBLING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


SHOWN = 20
"""Problems or names that a message lists; the rest are counted."""


class DomainToolkitError(Exception):
    """The base class of every error that this package raises on purpose."""

    is_about_unfinished = False
    """True if the call would begin anew without the unfinished output that is in its folder."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem of a declaration, and its path: `fields[2].bins`."""

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
    """The file of the row, if it came from a file."""
    line: int | None = None
    """The line in that file, counted from 1, if it is a text file."""
    other: int | None = None
    """Another row of the same table, which this one contradicts."""

    def __str__(self) -> str:
        place = [self.source] if self.source else []
        if self.line is not None:
            place.append(f"line {self.line}")
        if self.row is not None:
            place.append(f"row {self.row}")
        if self.column is not None:
            place.append(f"column {self.column!r}")
        reason = self.reason if self.other is None else f"{self.reason} (row {self.other})"
        return f"{', '.join(place)}: {reason}" if place else reason


def _list_problems(head: str, items: Sequence[object], total: int) -> str:
    lines = [head, *(f"  {item}" for item in items[:SHOWN])]
    if total > min(len(items), SHOWN):
        lines.append(f"  ... and {total - min(len(items), SHOWN)} more")
    return "\n".join(lines)


class SchemaError(DomainToolkitError, ValueError):
    """An invalid declaration; `problems` holds all its problems, each with its path."""

    exit_status = 2

    def __init__(self, problems: Iterable[Problem], what: str = "schema") -> None:
        self.problems = tuple(problems)
        head = f"{what} has {pluralize(len(self.problems), 'problem')}"
        super().__init__(_list_problems(head, self.problems, len(self.problems)))


class ProposalError(DomainToolkitError, ValueError):
    """Files for which no schema can be proposed; `what` is missing: `entity`, `time` or `fields`."""

    exit_status = 2

    def __init__(self, what: str, reason: str, columns: Iterable[str] = ()) -> None:
        self.what, self.reason, self.columns = what, reason, tuple(columns)
        shown = ", ".join(map(repr, self.columns[:SHOWN])) + (", ..." if len(self.columns) > SHOWN else "")
        super().__init__(f"{reason}; name it with --{what}; columns: {shown}" if what != "fields" else reason)


class DataError(DomainToolkitError, ValueError):
    """Rows that cannot be encoded; `refusals` holds the first of them, and `total` counts all."""

    def __init__(self, refusals: Iterable[Refusal], total: int | None = None) -> None:
        self.refusals = tuple(refusals)
        self.total = len(self.refusals) if total is None else total
        super().__init__(_list_problems(f"{pluralize(self.total, 'problem')} in the data", self.refusals, self.total))


class PathError(DomainToolkitError):
    """The base class of errors about one file or folder."""

    def __init__(self, path: str, reason: str) -> None:
        self.path, self.reason = path, reason
        super().__init__(f"{path}: {reason}")


class SourceError(PathError):
    """An input file that cannot be read in its format."""


class OutputError(PathError):
    """An output file or folder that cannot be written, or that holds something else."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C during a job; the message says what was kept, and how to continue."""


class DivergedError(DomainToolkitError):
    """A training run whose numbers became infinite or NaN at `step`; nothing from that step on is kept."""

    def __init__(self, step: int, what: str, kept: str) -> None:
        self.step = step
        hint = "try a lower learning rate, or a longer warm-up"
        super().__init__(f"training has diverged: {what} of step {step} is not finite; {kept}; {hint}")


class ArtifactError(PathError):
    """A saved file that is missing, cut short, altered or not ours."""


class NewerVersionError(ArtifactError):
    """A saved file that a later version of domaintoolkit wrote, in a newer format."""

    def __init__(self, path: str, found: int, supported: int) -> None:
        self.found, self.supported = found, supported
        super().__init__(
            path, f"has format version {found}, but this version of domaintoolkit reads at most {supported}; upgrade it"
        )


class VocabularyError(DomainToolkitError, ValueError):
    """Tokens that do not form a vocabulary: duplicates, or names that cannot be read back."""


class VocabularyMismatchError(DomainToolkitError):
    """Streams of one vocabulary, given to a model or tokenizer of another."""

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
    """A tokenizer that is used before `fit`."""

    exit_status = 2


class LookupFailedError(DomainToolkitError, KeyError):
    """An unknown name. The message lists the available names; `note` is a line below it."""

    exit_status = 2

    def __init__(self, what: str, name: object, available: Iterable[object], note: str = "") -> None:
        self.what, self.name, self.available = what, name, tuple(sorted(str(item) for item in available))
        self.message = unknown_name(what, name, self.available) + (f"\n{note}" if note else "")
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class StudyRunsError(DomainToolkitError):
    """Runs of a study that failed, each with its reason; the others are kept."""

    def __init__(self, reasons: Mapping[str, str], kept: int, page: str | None = None) -> None:
        self.reasons, self.kept, self.page = dict(reasons), kept, page
        listed = "".join(f"\n  {label}: {reason}" for label, reason in list(reasons.items())[:SHOWN])
        more = f"\n  and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
        others = f"the other {kept} are kept" if kept else "none is kept"
        shown = "" if page is None else f", and {page} shows them"
        super().__init__(
            f"{len(reasons)} of {len(reasons) + kept} runs failed:{listed}{more}\n{others}{shown}; "
            "run the same command again to do those that failed"
        )


class PluginError(DomainToolkitError):
    """A plugin that failed to load, or whose hook failed, with its distribution and the cause."""

    def __init__(self, plugin: str, distribution: str | None, reason: str) -> None:
        self.plugin, self.distribution, self.reason = plugin, distribution, reason
        origin = f" (from {distribution})" if distribution else ""
        super().__init__(f"plugin {plugin!r}{origin}: {reason}")


class MissingExtraError(DomainToolkitError, ImportError):
    """An optional package that is not installed."""

    exit_status = 2

    def __init__(self, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f"this needs {package}, which is not installed: pip install 'domaintoolkit[{extra}]'")


def unknown_name(what: str, name: object, available: Iterable[str]) -> str:
    """The message for an unknown name: the available ones, and the nearest of them."""
    known = list(available)
    close = get_close_matches(str(name), known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    more = f", ... ({len(known)} in all)" if len(known) > SHOWN else ""
    listed = ", ".join(known[:SHOWN]).replace("\n", "\\n")
    return f"unknown {what} {name!r}; available: {listed or 'none'}{more}{hint}"


def cause(error: BaseException) -> str:
    """An exception as one line, with its type."""
    try:
        text = printable(" ".join(str(error).split()))
    except Exception:  # of a stranger's class
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def pluralize(number: int, noun: str, plural: str | None = None) -> str:
    """A number and its noun: `1 event`, `2,000 events`; `plural` if it does not end in s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def quote(value: bytes | str, limit: int = 60) -> str:
    """`value` as messages quote it; a long one is cut after `limit` characters."""
    text = value.decode(errors="backslashreplace") if isinstance(value, bytes) else value
    return repr(text) if len(text) <= limit else f"{text[:limit]!r}... ({len(text):,} characters)"
