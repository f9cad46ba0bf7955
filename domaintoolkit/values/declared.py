"""Columns of files in the types that their reader declares."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_type
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.schema import Column
from domaintoolkit.times.calendar import DAY
from domaintoolkit.times.patterns import TimePattern
from domaintoolkit.times.zones import zone_table
from domaintoolkit.values.booleans import as_booleans
from domaintoolkit.values.columns import codes_of, unify
from domaintoolkit.values.instants.column_instants import INSTANT, read_text, text_instants, to_microseconds
from domaintoolkit.values.instants.iso_times import parse_dates
from domaintoolkit.values.instants.time_formats import parse_formatted
from domaintoolkit.values.number_styles import INVISIBLE, style_of
from domaintoolkit.values.numbers import as_integers, as_numbers
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import as_strings, holds_text, invalid_unicode, join_set, parse_distinct, split_set
from domaintoolkit.values.value_names import has_names, join_texts, write_names

__all__ = ["TYPES", "Converted", "convert_text", "convert_typed", "join_times", "misfit"]

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": INSTANT,
    "date": pa.date32(),
}


@dataclass(frozen=True, slots=True)
class Converted(Prepared):
    """A column in its declared type."""

    named: NDArray[np.bool_] | None = None
    """(rows,) True for times that name their zone; None for other columns."""
    replaced: int = 0
    """Number of values in which bytes that are not UTF-8 were replaced."""


def misfit(found: pa.DataType, column: Column) -> str | None:
    """The reason why a column of type `found` cannot hold what `column` declares; None if it can."""
    found = _plain_type(found)
    if _is_castable(found, column):
        return None
    kind = found.value_type if is_type.is_dictionary(found) else found
    number = is_type.is_integer(kind) or is_type.is_floating(kind) or is_type.is_decimal(kind)
    hint = ""
    if column.type == "timestamp" and number:
        hint = (
            '; numbers are times with a time_unit, such as time_unit = "s"; those whose digits are a date are with a '
            'time_format, such as "%Y%m%d"'
        )
    elif column.type == "timestamp" and (is_type.is_time(kind) or is_type.is_duration(kind)):
        hint = "; they need the date that they count from, as time_origin, or its column, in time_join"
    elif is_type.is_struct(kind) and kind.num_fields:
        hint = f"; set source = '{column.header}.{kind.field(0).name}' to read a member"
    elif _is_list(kind) and column.type == "string":
        hint = "; set set_separator = '|' for this column to read it as a set"
    elif _is_list(kind):
        hint = "; a field takes one value a row: write the elements as columns, or as rows"
    elif is_type.is_map(kind):
        hint = "; write it as a struct, or its values as columns"
    elif is_type.is_duration(kind):
        hint = "; durations are numbers: a numeric field, or a column of type float64, reads them as seconds"
    return f"column {column.name!r}: expected {column.type}, found {found}{hint}"


def _is_castable(found: pa.DataType, column: Column) -> bool:
    if is_type.is_dictionary(found):
        return _is_castable(found.value_type, column)
    if is_type.is_null(found) or holds_text(found):
        return True
    if _is_list(found):
        inner = found.value_type
        return column.set_separator is not None and not _is_list(inner) and _is_castable(inner, column)
    whole = is_type.is_integer(found) or is_type.is_boolean(found)
    number = whole or is_type.is_floating(found) or is_type.is_decimal(found)
    duration = is_type.is_time(found) or is_type.is_duration(found)
    fits: dict[str, bool] = {
        "string": has_names(found) or is_type.is_fixed_size_binary(found) or _is_extension(found),
        "int64": number or duration,
        "float64": number or duration,
        "bool": whole,
        "timestamp": is_type.is_timestamp(found)
        or is_type.is_date(found)
        or (number and not is_type.is_boolean(found) and column.time_unit is not None)
        or (is_type.is_integer(found) and column.time_format is not None)
        or (duration and column.time_origin is not None),
        "date": is_type.is_date(found),
    }
    return fits[column.type]


def convert_text(
    values: pa.Array, column: Column, replace: bool = False, empty_is_null: bool = False, encoding: str | None = None
) -> Converted:
    """`values` (binary) as `column` declares them; `empty_is_null` if the type is not string.

    The values come from a file of text in `encoding`, if they come from one.
    """
    if column.trim:
        values = _trim(values, column.null or ())
    if column.type == "string":
        strings = _strings(values, replace, encoding)
        return strings if column.set_separator is None else _sets(strings, column.set_separator)
    if empty_is_null and pc.any(pc.equal(pc.binary_length(values), 0)).as_py():
        values = pc.if_else(pc.equal(pc.binary_length(values), 0), pa.scalar(None, pa.binary()), values)
    texts = as_strings(values)
    if column.type == "timestamp":
        times = read_text(texts, column.time_form)
        made = text_instants(texts, times, zone_table(column.zone), column.time_form)
        return Converted(made.values, made.refused, times.named if column.time_format is None else None)
    if column.type == "date":
        return _plainly(_dates(texts, column.time_form.patterns))
    if column.type == "bool":
        return _plainly(as_booleans(texts, column.true, column.false))
    return _plainly((as_integers if column.type == "int64" else as_numbers)(texts, style_of(column)))


def convert_typed(array: pa.Array, column: Column, replace: bool = False) -> Converted:
    """`array` as `column` declares it; dictionary-encoded text stays so. There must be no `misfit` of its type."""
    if _plain_type(array.type) != array.type:
        runs = is_type.is_run_end_encoded(array.type)
        # Arrow's own cast of views gives other lists
        array = pc.run_end_decode(array) if runs else pa.array(array.to_pylist(), _plain_type(array.type))
    if is_type.is_dictionary(array.type):
        return _convert_dictionary(array, column, replace)
    if is_type.is_null(array.type):
        return Converted(pa.nulls(len(array), TYPES[column.type]))
    if holds_text(array.type):
        return convert_text(as_strings(array).cast(pa.binary()), column, replace)
    if _is_list(array.type):
        return _list_sets(array, column, replace)
    if column.type == "timestamp":
        return _plainly(to_microseconds(array, column.zone, column.time_form))
    if column.type == "string":
        return _names(array)
    if column.type == "bool":
        return _plainly(as_booleans(array))
    if column.type in {"int64", "float64"}:
        return _plainly((as_integers if column.type == "int64" else as_numbers)(array, style_of(column)))
    return Converted(array.cast(TYPES[column.type]))


def join_times(made: Sequence[Converted], columns: Sequence[Column]) -> list[Converted]:
    """The columns, of which `made` are those that a file has: several in place of one that `time_join` makes."""
    found = iter(made)
    return [
        _join_time([next(found) for _ in column.headers], column) if column.time_join else next(found)
        for column in columns
    ]


def _join_time(parts: Sequence[Converted], column: Column) -> Converted:
    joined = convert_text(join_texts([part.values for part in parts]).cast(pa.binary()), column)
    refused = dict(refusal for part in parts for refusal in part.refused)
    replaced = sum(part.replaced for part in parts)
    return Converted(joined.values, sorted([*joined.refused, *refused.items()]), joined.named, replaced)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """The type of the same values as rows and lists with offsets, for runs and for views of lists."""
    if is_type.is_run_end_encoded(kind):
        return kind.value_type
    if is_type.is_list_view(kind):
        return pa.list_(kind.value_type)
    return pa.large_list(kind.value_type) if is_type.is_large_list_view(kind) else kind


def _is_list(kind: pa.DataType) -> bool:
    return bool(is_type.is_list(kind) or is_type.is_large_list(kind) or is_type.is_fixed_size_list(kind))


def _sets(made: Converted, mark: str) -> Converted:
    """Texts that join elements, with the distinct elements of each in their order."""
    sets = parse_distinct(made.values, pa.string(), lambda text: split_set(text, mark))
    return Converted(sets.values, sorted([*made.refused, *sets.refused]), replaced=made.replaced)


def _list_sets(array: pa.Array, column: Column, replace: bool) -> Converted:
    """Lists as texts that join their distinct elements in their order."""
    mark = column.set_separator or ""
    # (rows,); `flatten` leaves out what lies under a null
    lengths = np.asarray(pc.fill_null(pc.list_value_length(array), 0))
    made = convert_typed(array.flatten(), _without_sets(column), replace)
    elements, broken = made.values.to_pylist(), dict(made.refused)
    ends = np.cumsum(lengths)
    texts: list[str | None] = []
    refused = []
    for row, (start, end) in enumerate(zip((ends - lengths).tolist(), ends.tolist(), strict=True)):
        try:
            for at in range(start, end) if broken else ():
                if at in broken:
                    raise ValueError(broken[at])
            texts.append(join_set(elements[start:end], mark))
        except ValueError as error:
            texts.append(None)
            refused.append((row, str(error)))
    values = pc.if_else(array.is_valid(), pa.array(texts, pa.string()), pa.scalar(None, pa.string()))
    return Converted(values, [(row, reason) for row, reason in refused if array[row].is_valid], replaced=made.replaced)


@lru_cache(maxsize=256)
def _without_sets(column: Column) -> Column:
    return dataclasses.replace(column, set_separator=None)


def _trim(values: pa.Array, null: Sequence[str]) -> pa.Array:
    """Values (binary) without the spaces and marks without a width around them; new spellings of null are null."""
    texts = as_strings(values)
    try:
        trimmed = pc.utf8_trim_whitespace(texts)
        if pc.any(pc.not_equal(trimmed, visible := pc.utf8_trim(trimmed, characters=INVISIBLE))).as_py():
            trimmed = pc.utf8_trim_whitespace(visible)
    except pa.ArrowInvalid:  # text that is not UTF-8 is refused later
        trimmed = pc.ascii_trim_whitespace(texts)
    trimmed = trimmed.cast(pa.binary())
    # a value that was a spelling of null before it was trimmed is null already
    changed = pc.not_equal(pc.binary_length(trimmed), pc.binary_length(values))
    spelled = pc.is_in(trimmed, pa.array([each.encode() for each in null], pa.binary()))
    return pc.if_else(pc.and_(changed, spelled), pa.scalar(None, pa.binary()), trimmed)


def _is_extension(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name in ("arrow.uuid", "arrow.bool8", "arrow.json")


def _names(array: pa.Array) -> Converted:
    """The text of values that name something; each distinct one is written once."""
    made = unify(array)
    codes, distinct = codes_of(made.values)
    return Converted(write_names(distinct).take(pa.array(codes)), made.refused)


def _plainly(made: Prepared) -> Converted:
    return Converted(made.values, made.refused)


def _convert_dictionary(array: pa.Array, column: Column, replace: bool) -> Converted:
    if column.type == "string" and not column.trim and column.set_separator is None:  # values may become equal
        made = convert_typed(array.dictionary, column, replace)
        if not made.refused and not made.values.null_count:
            return Converted(pa.DictionaryArray.from_arrays(array.indices, made.values), replaced=made.replaced)
    codes, distinct = codes_of(array)
    made = convert_typed(distinct, column, replace)
    rows = made.spread(codes)
    return Converted(rows.values, rows.refused, None if made.named is None else made.named[codes], made.replaced)


def _strings(values: pa.Array, replace: bool, encoding: str | None) -> Converted:
    try:
        return Converted(values.cast(pa.string()))
    except pa.ArrowInvalid:
        pass
    found = [
        None if value is None or value.isascii() else invalid_unicode(value, encoding or "utf-8")
        for value in values.to_pylist()
    ]
    hint = (
        "" if encoding != "utf-8" else "; if the file has another encoding, set it in the reader: encoding = 'cp1252'"
    )
    refused = [(row, reason + hint) for row, reason in enumerate(found) if reason is not None]
    wrong = np.array([reason is not None for reason in found])
    if replace:
        fixed = pa.array([_replace(values[row].as_py(), encoding) for row, _ in refused], pa.binary())
        return Converted(pc.replace_with_mask(values, wrong, fixed).cast(pa.string()), replaced=len(refused))
    # refused rows become null
    left = pc.if_else(pa.array(wrong), pa.scalar(None, pa.binary()), values)
    return Converted(left.cast(pa.string()), refused)


def _replace(value: bytes, encoding: str | None) -> bytes:
    if encoding in (None, "utf-8"):
        return value.decode(errors="replace").encode()
    return re.sub("[\ud800-\udfff]", "\ufffd", value.decode(errors="surrogatepass")).encode()


def _dates(texts: pa.Array, patterns: Sequence[TimePattern]) -> Prepared:
    if not patterns:
        return parse_dates(texts)
    times = parse_formatted(texts, patterns)
    # a pattern with a clock reads dates too, if their time of day is midnight
    clock = ~times.null & (times.micros % DAY != 0)
    refused = [(row, reason.replace("a time like", "a date like", 1)) for row, reason in times.refused]
    for row in np.flatnonzero(clock).tolist():
        text = quote(texts[row].cast(pa.large_binary()).as_py())
        refused.append((row, f"expected a date like {patterns[0].text!r}, got {text}"))
    days = pa.array((times.micros // DAY).astype(np.int32), mask=times.null | clock)
    return Prepared(days.view(pa.date32()), sorted(refused))
