"""Times written as text into microseconds since the epoch, for whole columns at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.times.zones import zone_table

__all__ = ["Times", "fixed_layout", "iso_dates", "iso_times", "laid_out", "local_to_instants", "strptime_instant"]

DAY, HOUR, MINUTE, SECOND = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
EPOCH = datetime(1970, 1, 1)
WIDTHS = {"Y": 4, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
LONGEST = 48
"""Bytes: ISO 8601 with nine fractional digits and a zone needs 37."""

Bytes = NDArray[np.uint8]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(slots=True)
class Times:
    """One entry a value: local microseconds, whether it is a time, its offset in minutes, whether it named one.

    `fine` marks times that a microsecond cannot hold.
    """

    micros: Whole
    good: Flags
    offset: Whole
    named: Flags
    fine: Flags


class _Grid:
    """Values (no nulls among them) as rows of bytes, zeros behind their ends."""

    def __init__(self, values: pa.Array) -> None:
        offsets = np.frombuffer(values.buffers()[1], np.int32)[values.offset : values.offset + len(values) + 1]
        data = values.buffers()[2]
        text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        self.lengths: Whole = np.diff(offsets).astype(np.int64)
        width = int(self.lengths[0]) if len(values) else 0
        if 0 < width <= LONGEST and offsets[-1] - offsets[0] == width * len(values) and (self.lengths == width).all():
            self.bytes: Bytes = text[offsets[0] : offsets[-1]].reshape(-1, width)
            return
        width = min(int(self.lengths.max(initial=0)), LONGEST)
        at = offsets[:-1, None].astype(np.int64) + np.arange(width)
        inside = np.arange(width) < self.lengths[:, None]
        self.bytes = np.where(inside, text[np.where(inside, at, 0)], 0) if len(text) else np.zeros_like(at, np.uint8)

    def column(self, at: int) -> Bytes:
        """The byte at one place of every value."""
        if at < self.bytes.shape[1]:
            return self.bytes[:, at]
        return np.zeros(len(self.lengths), np.uint8)

    def number(self, start: int, stop: int) -> tuple[Whole, Flags]:
        """The digits from `start` to `stop` as a number, and whether they are digits."""
        value = np.zeros(len(self.lengths), np.int32)
        good = np.ones(len(self.lengths), bool)
        for at in range(start, stop):
            digit = self.column(at) - np.uint8(48)  # below zero wraps to large
            good &= digit <= 9
            value = value * 10 + digit
        return value.astype(np.int64), good


def iso_times(values: pa.Array) -> Times:
    """ISO 8601: `2019-10-01`, `2019-10-01T12:30`, `... 12:30:59.123456`, behind it nothing, Z, UTC or an offset."""
    grid = _Grid(values)
    days, good = _iso_day(grid)
    timed = grid.lengths > 10
    hour, hour_good = grid.number(11, 13)
    minute, minute_good = grid.number(14, 16)
    separated = np.isin(grid.column(10), np.frombuffer(b"T t", np.uint8)) & (grid.column(13) == ord(":"))
    clock_good = separated & hour_good & minute_good & (hour < 24) & (minute < 60)
    seconded = timed & (grid.column(16) == ord(":"))
    second, second_good = grid.number(17, 19)
    good &= (~timed | clock_good) & (~seconded | (second_good & (second < 60)))
    end = np.where(seconded, 19, np.where(timed, 16, 10))
    fraction, digits, fine = _fraction(grid, seconded)
    good &= digits >= 0
    offset, named, zone_good = _zones(grid, end + np.where(digits > 0, digits + 1, 0))
    good &= zone_good & (timed | ~named)
    clock = np.where(timed, hour * HOUR + minute * MINUTE, 0) + np.where(seconded, second * SECOND, 0)
    return Times(days * DAY + clock + fraction, good, offset, named, fine)


def iso_dates(values: pa.Array) -> tuple[Whole, Flags]:
    """`2019-10-01` as days since the epoch, and whether each value is that."""
    grid = _Grid(values)
    days, good = _iso_day(grid)
    return days, good & (grid.lengths == 10)


def fixed_layout(pattern: str) -> list[tuple[str, int]] | None:
    """Where each directive or literal of a strptime pattern stands, if all are of fixed width; else None."""
    layout: list[tuple[str, int]] = []
    at = 0
    for directive, literal in re.findall(r"%(.)|([^%])", pattern, re.DOTALL):
        if directive not in {"", *WIDTHS} or not literal.isascii():
            return None
        layout.append((directive or f"={literal}", at))
        at += WIDTHS[directive] if directive else 1
    words = [word for word, _ in layout if not word.startswith("=")]
    whole = len(set(words)) == len(words) and {"Y", "m", "d"} <= set(words) and at <= LONGEST
    return layout if whole else None


def laid_out(values: pa.Array, layout: list[tuple[str, int]]) -> tuple[Whole, Flags]:
    """Local microseconds of values that follow `layout` to the letter, and which do."""
    grid = _Grid(values)
    last, start = layout[-1]
    good = grid.lengths == start + WIDTHS.get(last, 1)
    part: dict[str, Whole] = {word: np.zeros(len(values), np.int64) for word in "HMS"}
    for word, at in layout:
        if word.startswith("="):
            good &= grid.column(at) == ord(word[1])
        else:
            part[word], digits = grid.number(at, at + WIDTHS[word])
            good &= digits
    good &= (part["H"] < 24) & (part["M"] < 60) & (part["S"] < 60)
    days, real = _days(part["Y"], part["m"], part["d"])
    return days * DAY + part["H"] * HOUR + part["M"] * MINUTE + part["S"] * SECOND, good & real


def strptime_instant(text: str, pattern: str) -> tuple[int, bool]:
    """Microseconds of one value (local where it names no zone), and whether it names one; or `ValueError`."""
    for spelled in dict.fromkeys(pattern.replace("%Z", zone) for zone in ("UTC", "GMT", "Z")):
        try:
            time = datetime.strptime(text, spelled)
        except ValueError:
            continue
        named = time.tzinfo is not None or "%Z" in pattern
        if time.tzinfo is not None:
            time = time.astimezone(UTC).replace(tzinfo=None)
        return (time - EPOCH) // timedelta(microseconds=1), named
    raise ValueError(pattern)


def local_to_instants(micros: Whole, zone: str) -> tuple[Whole, Flags]:
    """Clock times of `zone` as instants, and which exist; of an hour that comes twice, the first is meant."""
    if zone in {"UTC", "Etc/UTC", "GMT"}:
        return micros, np.ones(len(micros), bool)
    table = zone_table(zone)
    instants = table.instant(micros)
    return instants, table.local(instants) == micros


def _iso_day(grid: _Grid) -> tuple[Whole, Flags]:
    year, year_good = grid.number(0, 4)
    month, month_good = grid.number(5, 7)
    day, day_good = grid.number(8, 10)
    dashes = (grid.column(4) == ord("-")) & (grid.column(7) == ord("-"))
    days, real = _days(year, month, day)
    return days, dashes & year_good & month_good & day_good & real


def _days(year: Whole, month: Whole, day: Whole) -> tuple[Whole, Flags]:
    """Days since the epoch, and whether the calendar has the day (Howard Hinnant's days_from_civil)."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    month_days = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    known = (month >= 1) & (month <= 12)
    month = np.where(known, month, 1)
    good = known & (year >= 1) & (day >= 1) & (day <= month_days[month] + (leap & (month == 2)))
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468, good


def _fraction(grid: _Grid, seconded: Flags) -> tuple[Whole, Whole, Flags]:
    """Microseconds behind the second; how many digits (-1: a point without any); whether there is a finer part."""
    count = len(grid.lengths)
    running = seconded & np.isin(grid.column(19), np.frombuffer(b".,", np.uint8))
    micros, digits, fine = np.zeros(count, np.int64), np.zeros(count, np.int64), np.zeros(count, bool)
    if not running.any():
        return micros, digits, fine
    pointed = running
    for place in range(9):
        digit = grid.column(20 + place) - np.uint8(48)
        running = running & (digit <= 9)
        value = np.where(running, digit, 0).astype(np.int64)
        if place < 6:
            micros += value * 10 ** (5 - place)
        else:
            fine |= value > 0
        digits += running
    digits[pointed & (digits == 0)] = -1
    return micros, digits, fine


def _zones(grid: _Grid, start: Whole) -> tuple[Whole, Flags, Flags]:
    """The offset in minutes that stands from `start`, whether there is one, and whether it is understood."""
    rest = grid.lengths - start
    key = np.zeros(len(rest), np.uint64)
    same = len(rest) > 0 and (start == start[0]).all()
    width = grid.bytes.shape[1]
    for place in range(8):
        if same:
            byte = grid.column(int(start[0]) + place)
        else:
            at = start + place
            byte = grid.bytes[np.arange(len(rest)), np.minimum(at, width - 1)] * (at < width)
        key |= byte.astype(np.uint64) << np.uint64(8 * place)
    if len(key) and (key == key[0]).all():
        distinct, code = key[:1], np.zeros(len(key), np.int64)
    else:
        distinct, code = np.unique(key, return_inverse=True)
    words = [int(word).to_bytes(8, "little").rstrip(b"\0") for word in distinct]
    read = [_zone(word) for word in words]
    offset = np.array([minutes or 0 for minutes, _ in read], np.int64)[code]
    named = np.array([minutes is not None for minutes, _ in read], bool)[code]
    length = np.array([len(word) if good else -1 for word, (_, good) in zip(words, read, strict=True)], np.int64)[code]
    return offset, named, length == rest


def _zone(text: bytes) -> tuple[int | None, bool]:
    if not text:
        return None, True
    bare = text[1:] if text.startswith(b" ") else text
    if bare in {b"Z", b"z", b"UTC", b"GMT"}:
        return 0, True
    found = re.fullmatch(rb"([+-])(\d\d)(?::?(\d\d))?", bare)
    if not found or int(found[2]) > 23 or int(found[3] or 0) > 59:
        return None, False
    minutes = int(found[2]) * 60 + int(found[3] or 0)
    return (-minutes if found[1] == b"-" else minutes), True
