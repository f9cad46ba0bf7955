"""`Reader`: the declared layout of a domain's raw files."""

from __future__ import annotations

import codecs
import math
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, field_validator, model_validator
from pydantic import Field as Constraint

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.declaration import Flag, Listed, Real, Whole, declaration
from domaintoolkit.schema.fields import Zone, check_zone
from domaintoolkit.schema.time_settings import Format, TimeOrigin, find_time_problems
from domaintoolkit.times.durations import ShortClock
from domaintoolkit.times.time_form import Finer, TimeForm, Unit, time_form

__all__ = ["Column", "Reader"]


Affix = Annotated[str, Constraint(min_length=1, description="Text before or after numbers, such as '$' or ' kg'.")]
Mark = Annotated[str, Constraint(min_length=1, max_length=1)]
Decimal = Literal[".", ","]


def _pair_units(value: Any) -> Any:
    """A table of units as pairs, in its order."""
    return tuple(value.items()) if isinstance(value, dict) else value


Units = Annotated[
    Listed[tuple[Annotated[str, Constraint(min_length=1)], Real]],
    BeforeValidator(_pair_units),
    Constraint(description="Marks before or after numbers, each with its factor, such as { K = 1000 }."),
]
Negative = Literal["sign", "parentheses", "trailing"]
Spelling = Literal["own", "any"]


def _check_quote(value: Any) -> Any:
    if value is None or value is False:
        return False
    if not isinstance(value, str) or len(value) != 1:
        raise ValueError(f"expected one character, or false for files without quoting, got {value!r}")
    return value


UNSTREAMED = frozenset(
    {"idna", "punycode", "mbcs", "oem", "undefined", "unicode_escape", "raw_unicode_escape", "utf_7"}
)
"""Codecs of Python that are not encodings of tables, or read other text than stands in a file."""


def _check_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        # a codec of bytes, such as base64, is not an encoding of text
        "".encode(name)
    except (LookupError, ValueError):  # UnicodeError is a ValueError
        found = None
    if found is None or found.incrementaldecoder is None or found.name.replace("-", "_") in UNSTREAMED:
        raise ValueError(f"unknown encoding {name!r}; use a name of Python's codecs, such as 'cp1252' or 'utf-16'")
    return found.name


def _check_marks(value: Any) -> Any:
    """Let a list of one mark stand for the mark."""
    if isinstance(value, list | tuple):
        return value[0] if len(value) == 1 else tuple(value)
    return value


Comment = Annotated[
    Annotated[str, Constraint(min_length=1)]
    | Annotated[tuple[Annotated[str, Constraint(min_length=1)], ...], Constraint(min_length=1)],
    BeforeValidator(_check_marks),
    Constraint(description="The beginning of lines that are left out, such as '#', or several."),
]
Encoding = Annotated[str, Constraint(description="An encoding that Python knows, such as 'cp1252' or 'utf-16'.")]
Quote = Annotated[str | Literal[False], BeforeValidator(_check_quote)]

TIME_SETTINGS = ("time_format", "time_unit", "time_origin")
"""Settings of columns of times; a reader's own ones hold for all its columns of times that have none of them."""

NUMBER_SETTINGS = (
    "prefix", "suffix", "thousands", "decimal", "negative", "percent", "units", "spelling", "duration_unit",
    "duration_clock",
)  # fmt: skip
"""Settings of columns of numbers; a reader's own ones hold for all its columns of numbers that set no other."""


@declaration
class Column:
    """One column of a raw file: its `name` in the schema, its header in the file (`source`) and its type.

    Of a header that a file repeats, `occurrence` is read, counted from 1. In Parquet, Arrow and JSON lines, a
    source `meta.k` is member `k` of column `meta`. A file may have the column under one of the `aliases` instead, and
    a file without an `optional` column has nulls for it.

    `null` lists the spellings of null, if they differ from the reader's. `trim` leaves out the spaces around values.
    Numbers can have a `prefix` and a `suffix`, groups of digits parted by `thousands` and a `decimal` comma; `negative`
    says how else than by a minus in front they can be negative, `(12.50)` or `12.50-`. With `percent`, `5%` is 0.05.
    `units` are marks before or after a number, and the factor of each: `{ K = 1000, M = 1000000 }`. With `spelling =
    "any"`, int64 takes every spelling of a whole number: `007`, `+5`, `13085.0` and `1e3`, and numbers can have the
    digits of any script. With a `duration_unit`, numbers can also be durations, which count this unit: `1:05:30`, `2
    days 03:04:05`, `PT5M`, `1h 30min`; `duration_clock` says if `05:30` is hours and minutes (`h:mm`) or minutes and
    seconds (`m:ss`). Columns of a type of durations or times of day count seconds, unless `duration_unit` names another
    unit.

    `true` and `false` list further words for booleans, such as `Yes` and `No`; in a column of numbers they are 1 and 0.

    With `set_separator`, the value is a set of texts: lists of Parquet, Arrow and JSON lines, and texts that have this
    mark between the elements, become the distinct elements in their order with the mark between them.

    Times are ISO 8601, or of a type of times. Those without a zone are read in `zone`. Text of another form needs
    a `time_format`, such as `%Y-%m-%d %H:%M:%S UTC`. Numbers need a `time_unit`, and count from 1970 in UTC or from
    `time_origin`, which also gives times of day their date. `time_join` names the headers of several columns that
    make the time together: their values are joined with spaces. A time finer than a microsecond is refused, or cut
    with `finer_times = "cut"`.
    """

    name: Annotated[str, Constraint(min_length=1)]
    type: Literal["string", "int64", "float64", "bool", "timestamp", "date"] = "string"
    source: str | None = None
    occurrence: Annotated[Whole, Constraint(ge=1)] | None = None
    aliases: Listed[str] = ()
    optional: Flag = False
    null: Listed[str] | None = None
    time_format: Format | None = None
    zone: Zone = "UTC"
    time_unit: Unit | None = None
    time_origin: TimeOrigin | None = None
    time_join: Listed[str] = ()
    finer_times: Finer | None = None
    trim: Flag | None = None
    set_separator: Annotated[str, Constraint(min_length=1)] | None = None
    true: Listed[str] = ()
    false: Listed[str] = ()
    prefix: Affix | None = None
    suffix: Affix | None = None
    thousands: Mark | None = None
    decimal: Decimal | None = None
    negative: Negative | None = None
    percent: Flag | None = None
    units: Units | None = None
    spelling: Spelling | None = None
    duration_unit: Unit | None = None
    duration_clock: ShortClock | None = None

    _zone_exists = field_validator("zone")(check_zone)

    @model_validator(mode="after")
    def _consistent(self) -> Column:
        found = [*_numbers(self), *_times(self)]
        if self.type not in ("int64", "float64"):
            found += [
                Problem(name, f"is for columns of type int64 and float64, and {self.name!r} is of type {self.type}")
                for name in NUMBER_SETTINGS
                if getattr(self, name) is not None
            ]
        if self.type not in ("bool", "int64", "float64") and (self.true or self.false):
            name = "true" if self.true else "false"
            reason = f"is for columns of type bool, int64 and float64, and {self.name!r} is of type {self.type}"
            found.append(Problem(name, reason))
        for name, words, other in (
            ("true", self.true, {"false", "0"}),
            ("false", self.false, {"true", "1", *self.true}),
        ):
            wrong = sorted(word for word in words if word in other or word.lower() in other)
            if wrong:
                found.append(Problem(name, f"lists {wrong[0]!r}, which stands for the opposite"))
        if self.set_separator is not None and self.type != "string":
            found.append(Problem("set_separator", f"is for columns of type string, and {self.name!r} is {self.type}"))
        if found:
            raise SchemaError(found, "column")
        return self

    @property
    def header(self) -> str:
        """The column's header in the file; a column that `time_join` makes has none, and is called by its name."""
        return self.name if self.source is None else self.source

    @property
    def headers(self) -> tuple[str, ...]:
        """The headers of what is read for the column in the file."""
        return tuple(self.time_join) or (self.header,)

    @property
    def time_form(self) -> TimeForm:
        """The form that the column's times are written in."""
        return time_form(self.time_format, self.time_unit, self.time_origin, self.finer_times)

    @property
    def choices(self) -> tuple[str, ...]:
        """The headers of which a file may have one for the column."""
        return (self.header, *self.aliases)


@declaration
class Reader:
    """The layout of raw files: format, columns and dialect. Text is in `encoding`; of an Excel workbook,
    the `sheets` of these names are read one after the other, or the first if none is named.

    In CSV, an unquoted cell with a spelling of `null` is null, and a quoted cell (`""`) is text: null and the
    empty text differ. Columns that are not declared here are not read. The `delimiter` can have several characters;
    `"whitespace"` stands for any run of spaces and tabs. With `quote = false`, quotes are ordinary characters. The
    first `skip` lines of a file are left out, its last `skip_last` lines that are not blank, and all lines that begin
    with `comment`, or with one of several; in Excel, lines are the rows of the sheet. A line that repeats the header,
    as joined files have it, is refused, left out (`repeated_header = "skip"`) or a row (`"keep"`). A row with fewer
    values than there are headers is refused, or has nulls for the others (`short_rows = "fill"`). `trim`, which also
    holds for headers, and the settings of numbers (`prefix` to `duration_clock`) hold for all columns that have no such
    setting of their own, and so do `finer_times` and, for columns of times that have none of the three, `time_format`,
    `time_unit` and `time_origin`.
    """

    columns: Listed[Column]
    format: Literal["auto", "csv", "jsonl", "excel", "parquet", "arrow"] = "auto"
    sheets: Listed[str] = ()
    encoding: Encoding = "utf-8"
    delimiter: Annotated[str, Constraint(min_length=1)] = ","
    quote: Quote = '"'
    escape: Mark | None = None
    header: Flag = True
    skip: Annotated[Whole, Constraint(ge=0)] = 0
    skip_last: Annotated[Whole, Constraint(ge=0)] = 0
    comment: Comment | None = None
    short_rows: Literal["refuse", "fill"] = "refuse"
    repeated_header: Literal["refuse", "skip", "keep"] = "refuse"
    null: Listed[str] = ("",)
    invalid_text: Literal["refuse", "replace"] = "refuse"
    time_format: Format | None = None
    time_unit: Unit | None = None
    time_origin: TimeOrigin | None = None
    finer_times: Finer = "refuse"
    trim: Flag = False
    prefix: Affix | None = None
    suffix: Affix | None = None
    thousands: Mark | None = None
    decimal: Decimal = "."
    negative: Negative = "sign"
    percent: Flag = False
    units: Units = ()
    spelling: Spelling = "own"
    duration_unit: Unit | None = None
    duration_clock: ShortClock | None = None

    _encoding_exists = field_validator("encoding")(_check_encoding)

    @model_validator(mode="after")
    def _consistent(self) -> Reader:
        times = find_time_problems(self.time_format, self.time_unit, self.time_origin)
        found = [*_dialect(self), *_numbers(self), *times]
        names: set[str] = set()
        headers: set[tuple[str, int | None]] = set()
        for i, column in enumerate(self.columns):
            if column.name in names:
                found.append(Problem(f"columns[{i}]", f"name {column.name!r} is declared twice"))
            names.add(column.name)
            # several joined columns may share a header, such as that of a date
            for header in () if column.time_join else column.choices:
                if (header, column.occurrence) in headers:
                    found.append(Problem(f"columns[{i}]", f"header {header!r} is declared twice"))
                headers.add((header, column.occurrence))
        for i, column in enumerate(self.columns):
            unknown = [] if self.header else [header for header in column.time_join if header not in names]
            for header in unknown:
                reason = f"files without a header have columns of the names declared here, and {header!r} is none"
                found.append(Problem(f"columns[{i}].time_join", reason))
        if not self.columns:
            found.append(Problem("columns", "at least one column is required"))
        if not found:
            # once more with the reader's settings: the two of a pair may be declared in different places
            for i, column in enumerate(self.settled):
                wrong = [*_numbers(column)]
                if column.duration_clock is not None and column.duration_unit is None:
                    wrong.append(Problem("duration_clock", "needs a duration_unit, the unit that durations count"))
                found += [Problem(f"columns[{i}].{each.path}", each.message) for each in wrong]
        if found:
            raise SchemaError(found, "reader")
        return self

    def __repr__(self) -> str:
        names = ", ".join(column.name for column in self.columns)
        return f"<Reader of {self.format} files: {names}>"

    @property
    def comments(self) -> tuple[str, ...]:
        """The beginnings of lines that are left out."""
        return () if self.comment is None else (self.comment,) if isinstance(self.comment, str) else self.comment

    @cached_property
    def settled(self) -> tuple[Column, ...]:
        """The columns, with the reader's settings for those that a column does not have itself."""
        return tuple(_settle(column, self) for column in self.columns)


def _settle(column: Column, reader: Reader) -> Column:
    names = ("null", "trim", *(NUMBER_SETTINGS if column.type in ("int64", "float64") else ()))
    own = {name: getattr(reader, name) for name in names if getattr(column, name) is None}
    if column.type == "timestamp":
        # all three or none: a unit of the column and a pattern of the reader would contradict each other
        if all(getattr(column, name) is None for name in TIME_SETTINGS):
            own |= {name: getattr(reader, name) for name in TIME_SETTINGS}
        own["finer_times"] = column.finer_times or reader.finer_times
    settled = object.__new__(Column)  # not checked again: the reader reports what is wrong
    settled.__dict__.update({**column.__dict__, **own})
    return settled


def _dialect(reader: Reader) -> Iterator[Problem]:
    """The problems of the marks that part the lines and values of CSV."""
    marks = [("delimiter", reader.delimiter), ("quote", reader.quote), ("escape", reader.escape)]
    marks += [("comment", mark) for mark in reader.comments]
    for name, mark in marks:
        if mark and any(character in "\r\n\0" for character in mark):
            hint = "; set quote = false for files without quoting" if name == "quote" else ""
            yield Problem(name, f"cannot hold a line break or NUL, got {mark!r}{hint}")
        elif mark and name in ("quote", "escape") and not mark.isascii():
            yield Problem(name, f"expected one ASCII character, got {mark!r}")
    delimiter = " \t" if reader.delimiter == "whitespace" else reader.delimiter
    if any(mark and mark in delimiter for mark in (reader.quote, reader.escape)):
        yield Problem("delimiter", "is also the quote or the escape")
    if reader.short_rows == "fill" and reader.delimiter == "whitespace":
        yield Problem("short_rows", "cannot be filled if runs of spaces split the values")
    if (
        reader.escape is not None
        and reader.escape != reader.quote
        and not (len(delimiter) == 1 and delimiter.isascii())
    ):
        yield Problem("escape", f"cannot be combined with the delimiter {reader.delimiter!r}")


def _numbers(spec: Any) -> Iterator[Problem]:
    """The problems of the settings of numbers of a column or reader."""
    for unit, factor in spec.units or ():
        if not _is_mark(unit):
            yield Problem("units", f"cannot hold digits, signs, parentheses or only spaces, got {unit!r}")
        elif not math.isfinite(factor) or not factor:
            yield Problem("units", f"the factor of {unit!r} must be a number other than 0, got {factor!r}")
    twice = Counter(unit for unit, _ in spec.units or ()).most_common(1)
    if twice and twice[0][1] > 1:
        yield Problem("units", f"has {twice[0][0]!r} twice")
    for name in ("prefix", "suffix"):
        mark = getattr(spec, name)
        if mark is not None and not _is_mark(mark):
            yield Problem(name, f"cannot hold digits, signs, parentheses or only spaces, got {mark!r}")
    mark = spec.thousands
    if mark is not None and (mark.isalnum() or mark in "+-\u2212()%\r\n"):
        yield Problem("thousands", f"expected a mark between digits, such as ',' or ' ', got {mark!r}")
    elif mark is not None and mark == (spec.decimal or "."):
        other = "." if mark == "," else ","
        yield Problem("thousands", f"is {mark!r} like the decimal mark; set decimal = {other!r} if that is what it is")


def _is_mark(text: str) -> bool:
    """Return True if a text beside a number cannot be part of one."""
    return bool(text.strip()) and not any(c.isdigit() or c in "+-\u2212()\r\n" for c in text)


def _times(column: Column) -> Iterator[Problem]:
    """The problems of the settings of times of a column."""
    yield from find_time_problems(column.time_format, column.time_unit, column.time_origin)
    if column.type != "timestamp":
        given = {
            "time_format": column.time_format is not None and column.type != "date",
            "time_unit": column.time_unit is not None,
            "time_origin": column.time_origin is not None,
            "time_join": bool(column.time_join),
            "finer_times": column.finer_times is not None,
        }
        for name, is_given in given.items():
            if is_given:
                yield Problem(name, f"is for columns of type timestamp, and {column.name!r} is of type {column.type}")
    if column.time_join and column.source is not None:
        yield Problem("source", "is one header, and time_join several: give one of them")
    if len(column.time_join) == 1:
        yield Problem("time_join", "at least two headers are required; one is named by source")
