"""Columns of text in a pattern, such as `%d.%m.%Y %H:%M`: as the pattern reads each text, but many at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.times.patterns import TimePattern, read_any
from domaintoolkit.times.zones import ZoneTable
from domaintoolkit.values.columns import codes_of
from domaintoolkit.values.instants.iso_times import LeapSeconds, TextTimes
from domaintoolkit.values.texts import cast_halves, parse_distinct

__all__ = ["parse_formatted", "write_formatted"]

_TEMPLATE = b"0000-00-00 00:00:00"
_PLACES = {"Y": (0, 4), "m": (5, 2), "d": (8, 2), "H": (11, 2), "M": (14, 2), "S": (17, 2)}
"""(place in the template, number) of the digits of each directive."""

_LONGEST = 48
"""Characters of the longest pattern whose texts are read at fixed places."""

Layout = Sequence[tuple[str, int]]
"""Each directive (`Y`) or literal character (`=-`) of a pattern, and its place in a text."""


def parse_formatted(
    texts: pa.Array, patterns: Sequence[TimePattern], cut: bool = False, origin: tuple[int, bool] | None = None
) -> TextTimes:
    """The times of texts in the first of several patterns that reads each."""
    made = _parse_pattern(texts, patterns[0], cut, origin)
    if len(patterns) == 1 or not made.refused:
        return made
    assert made.dates is not None
    rows = np.array([row for row, _ in made.refused], np.int64)
    rest = parse_formatted(texts.take(pa.array(rows)), patterns[1:], cut, origin)
    made.micros[rows], made.named[rows], made.null[rows], made.dates[rows] = (
        rest.micros,
        rest.named,
        rest.null,
        rest.dates,
    )
    refused = []
    for at, _ in rest.refused:
        text = texts[int(rows[at])].cast(pa.large_binary()).as_py().decode(errors="backslashreplace")
        try:
            read_any(patterns, text, cut)
        except ValueError as error:
            refused.append((int(rows[at]), str(error)))
    leaps = [*made.leaps, *(int(rows[at]) for at in rest.leaps)]
    return TextTimes(made.micros, made.named, made.null, refused, leaps, made.dates)


def _parse_pattern(texts: pa.Array, pattern: TimePattern, cut: bool, origin: tuple[int, bool] | None) -> TextTimes:
    """The times of texts in a pattern: by the places of their digits if these are fixed, or else one by one.

    Times of day count from `origin`: its microseconds, and whether it names its zone.
    """
    micros, read = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    layout = _fixed_layout(pattern)
    if layout is not None:
        _read_fixed(texts, layout, micros, read)
    # what is not read is written over below, or stays null
    if pattern.offset:
        micros -= pattern.offset
    # rows whose text has not been read by its places
    left = np.flatnonzero(~read & np.asarray(texts.is_valid()))
    leaps = LeapSeconds()

    # one time for each different text; a leap second is noted, since its time is that of the next second
    def parse(text: str) -> int:
        time, _, is_leap = pattern.read(text, cut)
        leaps.note(text, is_leap)
        return time

    single = parse_distinct(texts.take(pa.array(left)), pa.int64(), parse)
    good = np.asarray(single.values.is_valid())
    if good.any():
        micros[left[good]], read[left[good]] = single.values.drop_null().to_numpy(), True
    named = pattern.names_zone
    # a time of day counts from the origin, whose zone it takes
    if origin is not None and not pattern.has_date:
        micros, named = micros + origin[0], origin[1]
    refused = [(int(left[at]), reason) for at, reason in single.refused]
    dates = np.full(len(texts), not pattern.has_clock)
    return TextTimes(micros, np.full(len(texts), named), ~read, refused, leaps.rows(texts), dates)


def write_formatted(times: pa.Array, pattern: TimePattern, zone: ZoneTable) -> pa.Array:
    """Times as text that `parse_formatted` reads as them; a pattern that names no zone gets the wall time of `zone`.

    Columns that are neither timestamps nor dates stay as they are.
    """
    if not (pa.types.is_timestamp(times.type) or pa.types.is_date(times.type)):
        return times
    codes, distinct = codes_of(times)
    is_instant = pa.types.is_timestamp(times.type) and times.type.tz is not None
    micros = distinct.cast(pa.timestamp("us", times.type.tz if is_instant else None)).view(pa.int64()).fill_null(0)
    found = np.asarray(micros)
    if is_instant and not pattern.names_zone:
        found = zone.local(found)
    texts = [
        pattern.write(time) if there else None
        for time, there in zip(found.tolist(), distinct.is_valid().to_pylist(), strict=True)
    ]
    return pa.array(texts, pa.string()).take(pa.array(codes))


@lru_cache(maxsize=64)
def _fixed_layout(pattern: TimePattern) -> Layout | None:
    """The layout of a pattern whose parts all have a fixed width; None of any other."""
    layout: list[tuple[str, int]] = []
    at = 0
    for item in pattern.items:
        if (item.letter and (item.letter not in _PLACES or item.pad != "0")) or not item.literal.isascii():
            return None
        layout.append((item.letter or f"={item.literal}", at))
        at += _PLACES[item.letter][1] if item.letter else 1
    words = {word for word, _ in layout}
    return layout if {"Y", "m", "d"} <= words and at <= _LONGEST else None


def _read_fixed(texts: pa.Array, layout: Layout, micros: NDArray[np.int64], read: NDArray[np.bool_]) -> None:
    """Read the texts that follow `layout` to the letter, by moving their digits into the order of ISO 8601."""
    last, start = layout[-1]
    # (texts of the right length, characters)
    grid, rows = _characters(texts, start + (1 if last.startswith("=") else _PLACES[last][1]))
    for word, at in layout:
        if word.startswith("=") and not (same := grid[:, at] == ord(word[1])).all():
            grid, rows = grid[same], rows[same]
    iso = np.empty((len(grid), len(_TEMPLATE)), np.uint8)  # (texts, characters)
    iso[:] = np.frombuffer(_TEMPLATE, np.uint8)
    for word, at in layout:
        if word in _PLACES:
            to, width = _PLACES[word]
            iso[:, to : to + width] = grid[:, at : at + width]
    # every text has the length of the template, so the offsets are its multiples
    offsets = pa.py_buffer(np.arange(len(iso) + 1, dtype=np.int32) * len(_TEMPLATE))
    times = pa.StringArray.from_buffers(len(iso), offsets, pa.py_buffer(iso))
    some, done = micros[rows], read[rows]
    cast_halves(times, lambda part: part.cast(pa.timestamp("us")).view(pa.int64()).to_numpy(), some, done)
    micros[rows], read[rows] = some, done  # `some` and `done` are copies


def _characters(texts: pa.Array, width: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes (rows, width) of the texts that have `width` of them, and their rows."""
    kind = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    # (rows + 1,) without a copy; those of a slice do not begin with 0
    offsets = np.frombuffer(texts.buffers()[1], kind)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    fits = np.diff(offsets) == width
    if fits.all() and not texts.null_count:
        return text[offsets[0] : offsets[-1]].reshape(-1, width), np.arange(len(texts))
    rows = np.flatnonzero(fits & np.asarray(texts.is_valid()))
    # (rows, width) places of the bytes of each text
    return text[offsets[rows].astype(np.int64)[:, None] + np.arange(width)], rows
