"""Text as found in a file into values of the declared type; each value that cannot be is refused with a reason."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import shown
from domaintoolkit.schema import Column
from domaintoolkit.values import text_times as time

__all__ = ["TYPES", "Converted", "convert_text"]

TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
}
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Microseconds of the first instant of year 1 and the last of year 9999."""

FLOAT = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf|infinity|nan)", re.IGNORECASE | re.ASCII)


@dataclass(slots=True)
class Converted:
    """A column in its declared type. A row in `reasons` is refused and null in `array`.

    `named` says which times name their zone (None for other columns); `replaced` counts values of which
    bytes that are no UTF-8 were replaced.
    """

    array: pa.Array
    reasons: dict[int, str] = field(default_factory=dict)
    named: NDArray[np.bool_] | None = None
    replaced: int = 0


def convert_text(values: pa.Array, column: Column, replace: bool = False, empty_is_null: bool = False) -> Converted:
    """`values` (binary) as `column` declares them; `empty_is_null` where the type is not string."""
    if column.type == "string":
        return _strings(values, replace)
    if empty_is_null and pc.any(pc.equal(pc.binary_length(values), 0)).as_py():
        values = pc.if_else(pc.equal(pc.binary_length(values), 0), pa.scalar(None, pa.binary()), values)
    if column.type == "timestamp":
        return _times(values, column)
    if column.type == "date":
        return _dates(values, column)
    return _scalars(values, column.type)


def _strings(values: pa.Array, replace: bool) -> Converted:
    try:
        return Converted(values.cast(pa.string()))
    except pa.ArrowInvalid:
        bad = _undecodable(values)
    mask = np.zeros(len(values), bool)
    mask[list(bad)] = True
    if replace:
        fixed = pa.array([values[row].as_py().decode(errors="replace").encode() for row in bad], pa.binary())
        return Converted(pc.replace_with_mask(values, mask, fixed).cast(pa.string()), replaced=len(bad))
    left = pc.if_else(pa.array(mask), pa.scalar(None, pa.binary()), values)
    return Converted(left.cast(pa.string()), bad)


def _undecodable(values: pa.Array) -> dict[int, str]:
    found = {}
    for row, value in enumerate(values.to_pylist()):
        if value is not None and not value.isascii():
            try:
                value.decode()
            except UnicodeDecodeError as error:
                byte = value[error.start]
                found[row] = f"not UTF-8: byte 0x{byte:02x} at {error.start} of {shown(value)}"
    return found


def _scalars(values: pa.Array, type: str) -> Converted:
    """Integers, floats and booleans: Arrow's own parser, and value by distinct value where it refuses one."""
    text = values.view(pa.string())
    if not _needs_care(values, type):
        try:
            array = text.cast(TYPES[type])
        except pa.ArrowInvalid:
            pass
        else:
            if type != "float64" or not pc.any(pc.is_inf(array)).as_py():
                return Converted(array)
    return _by_distinct(values, PARSERS[type], TYPES[type])


def _needs_care(values: pa.Array, type: str) -> bool:
    """Arrow takes 0x1F for an integer and nan(1) for a float."""
    text = values.buffers()[2]
    if text is None or type == "bool":
        return False
    return any(mark in memoryview(text).tobytes() for mark in ((b"x", b"X") if type == "int64" else (b"(",)))


def _by_distinct(values: pa.Array, parse: Callable[[str], object], type: pa.DataType) -> Converted:
    encoded = values.dictionary_encode()
    parsed: list[object] = []
    wrong: dict[int, str] = {}
    for code, value in enumerate(encoded.dictionary.to_pylist()):
        try:
            parsed.append(parse(value.decode(errors="backslashreplace")))
        except ValueError as error:
            parsed.append(None)
            wrong[code] = str(error)
    array = pa.array(parsed, type).take(encoded.indices)
    return Converted(array, _rows_of(encoded.indices, wrong))


def _rows_of(codes: pa.Array, wrong: dict[int, str]) -> dict[int, str]:
    if not wrong:
        return {}
    code = codes.fill_null(-1).to_numpy(zero_copy_only=False)
    return {int(row): wrong[int(code[row])] for row in np.flatnonzero(np.isin(code, list(wrong)))}


def _integer(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]+", text) or len(text) > 4000:
        raise ValueError(f"expected an integer, got {shown(text)}")
    if not -(2**63) <= int(text) < 2**63:
        raise ValueError(f"{shown(text)} is beyond a 64-bit integer")
    return int(text)


def _float(text: str) -> float:
    if not FLOAT.fullmatch(text):
        raise ValueError(f"expected a number, got {shown(text)}")
    value = float(text)
    if math.isinf(value) and "n" not in text.casefold():
        raise ValueError(f"{shown(text)} is beyond a 64-bit float")
    return value


def _bool(text: str) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.casefold() not in known:
        raise ValueError(f"expected true, false, 1 or 0, got {shown(text)}")
    return known[text.casefold()]


PARSERS: dict[str, Callable[[str], object]] = {"int64": _integer, "float64": _float, "bool": _bool}


def _times(values: pa.Array, column: Column) -> Converted:
    present = values.drop_null()
    rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    if column.time_format is None:
        read = time.iso_times(present)
        expected = "a time in ISO 8601"
    else:
        read = _formatted(present, column.time_format)
        expected = f"a time like {column.time_format!r}"
    local, there = time.local_to_instants(np.where(read.good & ~read.named, read.micros, 0), column.zone)
    micros = np.where(read.named, read.micros - read.offset * time.MINUTE, local)
    inside = (micros >= FIRST) & (micros <= LAST)
    skipped = read.good & ~read.named & ~there
    wrong = ~read.good | read.fine | skipped | ~inside
    reasons = {}
    for at in np.flatnonzero(wrong).tolist():
        value = shown(present[at].as_py())
        if not read.good[at]:
            reasons[int(rows[at])] = f"expected {expected}, got {value}"
        elif read.fine[at]:
            reasons[int(rows[at])] = f"{value} is finer than a microsecond"
        elif skipped[at]:
            reasons[int(rows[at])] = f"{value} does not exist in {column.zone}: its clocks are put forward then"
        else:
            reasons[int(rows[at])] = f"{value} is outside of the years 1 to 9999"
    named = None
    if column.time_format is None:
        named = np.zeros(len(values), bool)
        named[rows] = read.named
    return Converted(_scattered(micros, ~wrong, rows, len(values), TYPES["timestamp"]), reasons, named)


def _formatted(present: pa.Array, pattern: str) -> time.Times:
    """Times in a strptime pattern: at fixed places where that fits, through `strptime` where it does not."""
    count = len(present)
    layout = time.fixed_layout(pattern)
    micros, good = np.zeros(count, np.int64), np.zeros(count, bool)
    if layout is not None:
        micros, good = time.laid_out(present, layout)
    named = np.full(count, pattern.endswith(("UTC", "GMT", "Z")) and "%Z" not in pattern)
    left = np.flatnonzero(~good)
    if len(left):
        encoded = present.take(pa.array(left)).dictionary_encode()
        found = [_strptime(value, pattern) for value in encoded.dictionary.to_pylist()]
        code = encoded.indices.to_numpy()
        micros[left] = np.array([instant for instant, _, _ in found], np.int64)[code]
        named[left] |= np.array([zoned for _, zoned, _ in found], bool)[code]
        good[left] = np.array([fits for _, _, fits in found], bool)[code]
    return time.Times(micros, good, np.zeros(count, np.int64), named, np.zeros(count, bool))


def _strptime(value: bytes, pattern: str) -> tuple[int, bool, bool]:
    try:
        return *time.strptime_instant(value.decode(errors="backslashreplace"), pattern), True
    except (ValueError, OverflowError):
        return 0, False, False


def _dates(values: pa.Array, column: Column) -> Converted:
    present = values.drop_null()
    rows = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
    if column.time_format is None:
        days, good = time.iso_dates(present)
        expected = "a date like 2019-10-31"
    else:
        read = _formatted(present, column.time_format)
        days, good = read.micros // time.DAY, read.good & (read.micros % time.DAY == 0)
        expected = f"a date like {column.time_format!r}"
    wrong = np.flatnonzero(~good).tolist()
    reasons = {int(rows[at]): f"expected {expected}, got {shown(present[at].as_py())}" for at in wrong}
    return Converted(_scattered(days.astype(np.int32), good, rows, len(values), TYPES["date"]), reasons)


def _scattered(
    numbers: NDArray[np.integer], good: NDArray[np.bool_], rows: NDArray[np.int64], count: int, type: pa.DataType
) -> pa.Array:
    """`numbers` at `rows` of `count`, null elsewhere and where not good."""
    if len(rows) == count and good.all():
        return pa.array(numbers).cast(type)
    whole, null = np.zeros(count, numbers.dtype), np.ones(count, bool)
    whole[rows], null[rows] = numbers, ~good
    return pa.array(whole, mask=null).cast(type)
