"""The dialect of a CSV file: delimiter, quotes, header, title lines and comments, found in its first lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from domaintoolkit.errors import SourceError
from domaintoolkit.reading import FOOTER, is_footer

__all__ = ["CsvDialect", "find_dialect", "find_footer"]

DELIMITERS = (",", ";", "\t", "|", "::", "\x01", "^", "~", ":")
LINES = 400
"""Lines of the head that are looked at."""

STEADY = 0.9
"""The share of records that have the same number of columns in a table."""

TITLES = 30
"""Lines in front of the header, at most."""

NUMBER = re.compile(r"[-+(]?[\W_]{0,3}[0-9][0-9.,' \u00a0\u202f]*\)?\s*[%\w€]{0,3}")
CLOCK = re.compile(r"\b[0-9]{1,2}:[0-9]{2}\b")
TIME = re.compile(r"[0-9]{1,4}[-/.][0-9]{1,2}[-/.][0-9]{1,4}([T ].*)?|[0-9]{1,2}:[0-9]{2}(:[0-9.]+)?.*")


@dataclass(frozen=True, slots=True)
class CsvDialect:
    """The way a file is split, and the headers and first rows that this gives."""

    delimiter: str = ","
    quote: str | bool = '"'
    escape: str | None = None
    skip: int = 0
    comment: str | None = None
    header: bool = True
    headers: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = field(default=(), repr=False)
    has_line_breaks: bool = False
    """True if quoted values hold line breaks."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a `Reader` that are not its defaults."""
        plain = CsvDialect()
        names = ("delimiter", "quote", "escape", "skip", "comment", "header")
        return {name: getattr(self, name) for name in names if getattr(self, name) != getattr(plain, name)}


def find_dialect(text: str, name: str, delimiter: str | None = None) -> CsvDialect:
    """The dialect of the file that begins with `text`; raises `SourceError` if its lines are not a table."""
    text = text.removeprefix("\ufeff")
    named = re.match(r'"?sep=(.)"?[\r\n]+', text)
    if named is not None:  # the reader follows such a line too
        text, delimiter = text[named.end() :], named[1]
    lines = re.split(r"\r\n|\r|\n", text)[: LINES + 1]
    # the last line may be cut off
    lines = lines[:-1] or lines
    comment = _comment(lines)
    best: tuple[float, CsvDialect] | None = None
    for mark in (delimiter,) if delimiter else (*DELIMITERS, "whitespace"):
        for quote in ('"', "'") if mark != "whitespace" else ('"',):
            found = _try(lines, mark, quote, comment)
            if found is not None and (best is None or found[0] > best[0] + 1e-9):
                best = found
    if best is None:
        plain = [line for line in lines if line.strip()]
        widths = Counter(len(line.split()) for line in plain)
        if len(widths) > 3 and not delimiter:
            raise SourceError(
                name,
                f"the lines are lists of {min(widths)} to {max(widths)} values, not rows of a table; write one row an "
                "event, with the first value of its line (who), its place in the line (order) and the value itself",
            )
        rows = tuple((line,) for line in plain)
        return _with_header(CsvDialect(comment=comment), rows, 0)
    return best[1]


def find_footer(text: str, dialect: CsvDialect) -> list[str]:
    """The last lines of a file that ends with `text`, if they are below the rows of the table."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()][1:]
    count = 0
    for number, line in enumerate(reversed(lines[-FOOTER:]), 1):
        if dialect.comment is not None and line.startswith(dialect.comment):
            continue
        if not _is_below(line, dialect):
            break
        count = number
    # a table that ends in many such lines has them for another reason
    return lines[len(lines) - count :] if count < FOOTER else []


def _is_below(line: str, dialect: CsvDialect) -> bool:
    """True if a line has too few values for a row, and reads like a total, a count of rows or a remark."""
    mark = None if dialect.delimiter == "whitespace" else dialect.delimiter
    values = [value.strip("\"' ") for value in line.split(mark)]
    if len(values) == 1 and len(dialect.headers) > 1:
        return is_footer(line.encode()) or (" " in line.strip() and not dialect.has_line_breaks)
    return is_footer(line.encode()) and (
        len(values) != len(dialect.headers) or sum(not value for value in values) >= max(1, len(values) / 4)
    )


def _comment(lines: Sequence[str]) -> str | None:
    """The mark of comments, if lines begin with one; a header that begins with it is not a comment."""
    for mark in ("#", "//", "%"):
        own = [number for number, line in enumerate(lines) if line.startswith(mark)]
        others = [line for line in lines if line.strip() and not line.startswith(mark)]
        if not own or not others or len(own) > len(others):
            continue
        width = max(Counter(others[0].count(each) for each in ",;\t|").items())[0]
        if len(own) == 1 and own[0] == 0 and width and max(lines[0].count(each) for each in ",;\t|") == width:
            continue
        return mark
    return None


def _try(lines: Sequence[str], mark: str, quote: str, comment: str | None) -> tuple[float, CsvDialect] | None:
    """A score and the dialect, if the lines are rows of a table when they are split at `mark`."""
    kept = [line for line in lines if comment is None or not line.startswith(comment)]
    rows, escape, breaks = _split(kept, mark, quote)
    widths = Counter(len(row) for row in rows if any(row))
    if not widths:
        return None
    # the number of columns of most records, of equally frequent ones the larger
    width, count = max(widths.items(), key=lambda entry: (entry[1], entry[0]))
    if mark == ":" and sum(CLOCK.search(line) is not None for line in kept) > 0.5 * len(kept):
        return None  # it stands in times of day
    first = _find_first(rows, width)
    steady = count / sum(any(row) for row in rows[first:])
    if width < 2 or steady < STEADY or first > TITLES or (len(rows) > 20 and count < 0.5 * len(rows)):
        return None
    has_quotes = any(line.count(quote) > 1 for line in kept)
    apostrophe = quote == "'" and not any(
        re.search(rf"(^|{re.escape(mark)})'[^']*'({re.escape(mark)}|$)", line) for line in kept
    )
    if quote == "'" and (not has_quotes or apostrophe):
        return None
    own: str | bool = quote
    if quote == '"' and any(_is_loose(line, mark) for line in kept):
        plain = [line.split(mark) for line in kept] if mark != "whitespace" else [line.split() for line in kept]
        plain_widths = Counter(len(row) for row in plain if any(row))
        if plain_widths[width] >= count and plain_widths[width] / sum(plain_widths.values()) >= STEADY:
            own, rows, escape, breaks = False, plain, None, False
            first = _find_first(rows, width)
    titles = 0 if not first else _line_of(lines, kept, rows[first], mark, quote)
    dialect = CsvDialect(mark, own, escape, titles, comment, has_line_breaks=breaks)
    table = tuple(tuple(row) for row in rows[first:] if len(row) == width)
    # of two marks that both split all lines, the one that is rarer inside of values gives more columns
    rank = {",": 0.05, ";": 0.05, "\t": 0.06, "|": 0.04, "::": 0.5, "\x01": 0.06}.get(mark, -0.2)
    score = steady + 0.2 * len(table) / len(rows) + rank + min(width, 40) / 200 - (0.3 if mark == "whitespace" else 0)
    return score, _with_header(dialect, table, width)


def _find_first(rows: Sequence[Sequence[str]], width: int) -> int:
    """The number of the first row of the table; title lines may be filled up with delimiters to its width."""
    filled = [sum(bool(value.strip()) for value in row) for row in rows]
    usual = sorted(filled)[len(filled) // 2]
    own = [number for number, row in enumerate(rows) if len(row) == width]
    full = next((number for number in own if filled[number] > usual / 3), own[0])
    return full if full <= TITLES else own[0]


def _line_of(lines: Sequence[str], kept: Sequence[str], row: Sequence[str], mark: str, quote: str) -> int:
    """The number of lines before the one that begins with the first value of `row`."""
    start = row[0]
    for number, line in enumerate(lines[: TITLES * 2]):
        if _split([line], mark, quote)[0] == [list(row)]:
            return number
    # a header whose names have line breaks
    for number, line in enumerate(lines[: TITLES * 2]):
        if line.lstrip("\"' ").startswith(start) and (mark == "whitespace" or mark in line):
            return number
    return len(lines) - len(kept)


def _split(lines: Sequence[str], mark: str, quote: str) -> tuple[list[list[str]], str | None, bool]:
    """The records, the mark of escapes if there is one, and True if quoted values hold line breaks."""
    if mark == "whitespace":
        return [line.split() for line in lines if line.strip()], None, False
    joined = "\n".join(lines)
    escape = (
        "\\" if re.search(rf"\\{quote}[^{re.escape(mark)}\n]", joined) and f"{quote}{quote}" not in joined else None
    )
    if len(mark) > 1:
        return [line.split(mark) for line in lines if line.strip()], None, False
    reader = csv.reader(lines, delimiter=mark, quotechar=quote, escapechar=escape, doublequote=escape is None)
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in reader if row)
    except csv.Error:
        return [line.split(mark) for line in lines if line.strip()], None, False
    return (
        rows,
        escape,
        any("\n" in value for row in rows for value in row)
        or len(rows) < 0.9 * len([line for line in lines if line.strip()]),
    )


def _is_loose(line: str, mark: str) -> bool:
    """True if a quote stands inside a value, as an inch does."""
    if mark == "whitespace" or '"' not in line:
        return False
    odd = line.count('"') % 2 == 1
    return odd and any('"' in value and not value.strip().startswith('"') for value in line.split(mark))


def _with_header(dialect: CsvDialect, rows: tuple[tuple[str, ...], ...], width: int) -> CsvDialect:
    first = rows[0] if rows else ()
    header = _is_header(first, rows[1:])
    headers = first if header else tuple(f"column_{number + 1}" for number in range(width or 1))
    return CsvDialect(
        dialect.delimiter, dialect.quote, dialect.escape, dialect.skip, dialect.comment, header,
        tuple(headers), rows[1:] if header else rows, dialect.has_line_breaks,
    )  # fmt: skip


def _is_header(first: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """True if a row names columns: its values are not of the kinds that stand below them."""
    if not rows:
        return not any(_kind(value) != "text" for value in first)
    votes = 0.0
    for place, value in enumerate(first):
        below = [row[place] for row in rows[:200] if row[place].strip()]
        if not below:
            continue
        kinds = Counter(map(_kind, below))
        kind, count = kinds.most_common(1)[0]
        own = _kind(value)
        # text above numbers or times speaks for a header, and a number above numbers against it
        if kind != "text" and count >= 0.6 * len(below):
            votes += 1.5 if own == "text" and value.strip() else -1.5
        elif value in below and len(set(below)) < len(below):
            votes -= 1
        elif own == "text" and value.strip():
            votes += 0.2 if _is_name(value) else -0.2
        else:
            votes -= 0.5 if own != "text" else 0
    unique = len({value for value in first if value.strip()}) == sum(bool(value.strip()) for value in first)
    return votes > 0 if unique else votes > 1


def _is_name(value: str) -> bool:
    lengths = len(value) <= 40
    return lengths and re.fullmatch(r"[^\W\d][\w .#()/%?:$€-]*", value.strip()) is not None


def _kind(value: str) -> str:
    text = value.strip()
    if TIME.fullmatch(text):
        return "time"
    return "number" if NUMBER.fullmatch(text) else "text"
