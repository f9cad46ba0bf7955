"""Times written in a strptime pattern, such as `%d.%m.%Y %H:%M`, for columns of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.errors import quote
from domaintoolkit.values.iso_times import TextTimes
from domaintoolkit.values.texts import cast_halves, parse_distinct

__all__ = ["parse_formatted"]

_EPOCH = datetime(1970, 1, 1)
_TEMPLATE = b"0000-00-00 00:00:00"
_PLACES = {"Y": (0, 4), "m": (5, 2), "d": (8, 2), "H": (11, 2), "M": (14, 2), "S": (17, 2)}
"""(place in the template, number) of the digits of each directive."""

_LONGEST = 48
"""Characters of the longest pattern whose texts are read at fixed places."""

Layout = Sequence[tuple[str, int]]
"""Each directive (`Y`) or literal character (`=-`) of a pattern, and its place in a text."""


def parse_formatted(texts: pa.Array, pattern: str) -> TextTimes:
    """The times of texts in a pattern: by the places of their digits if these are fixed, or else by `strptime`."""
    micros, read = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    layout = _fixed_layout(pattern)
    if layout is not None:
        _read_fixed(texts, layout, micros, read)
    left = np.flatnonzero(~read & np.asarray(texts.is_valid()))
    single = parse_distinct(texts.take(pa.array(left)), pa.int64(), lambda text: _strptime(text, pattern))
    good = np.asarray(single.values.is_valid())
    if good.any():
        micros[left[good]], read[left[good]] = single.values.drop_null().to_numpy(), True
    named = np.full(len(texts), _names_zone(pattern))
    return TextTimes(micros, named, ~read, [(int(left[at]), reason) for at, reason in single.refused])


def _names_zone(pattern: str) -> bool:
    """Return True if every time in the pattern names its zone: by a directive, or by UTC in letters at its end."""
    return not {"z", "Z"}.isdisjoint(re.findall("%(.)", pattern, re.DOTALL)) or pattern.endswith(("UTC", "GMT", "Z"))


@lru_cache(maxsize=64)
def _fixed_layout(pattern: str) -> Layout | None:
    """The layout of a pattern whose parts all have a fixed width; None of any other."""
    layout: list[tuple[str, int]] = []
    at = 0
    for directive, literal in re.findall(r"%(.)|([^%])", pattern, re.DOTALL):
        if directive not in {"", *_PLACES} or not literal.isascii():
            return None
        layout.append((directive or f"={literal}", at))
        at += _PLACES[directive][1] if directive else 1
    words = [word for word, _ in layout if not word.startswith("=")]
    whole = len(set(words)) == len(words) and {"Y", "m", "d"} <= set(words) and at <= _LONGEST
    return layout if whole else None


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
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = texts.buffers()[2]
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    fits = np.diff(offsets) == width
    if fits.all() and not texts.null_count:
        return text[offsets[0] : offsets[-1]].reshape(-1, width), np.arange(len(texts))
    rows = np.flatnonzero(fits & np.asarray(texts.is_valid()))
    return text[offsets[rows].astype(np.int64)[:, None] + np.arange(width)], rows


def _strptime(text: str, pattern: str) -> int:
    """Microseconds of one text, of the wall clock if it names no zone."""
    for spelled in dict.fromkeys(pattern.replace("%Z", zone) for zone in ("UTC", "GMT", "Z")):
        try:
            time = datetime.strptime(text, spelled)
            if time.tzinfo is not None:
                time = time.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError):
            continue
        return (time - _EPOCH) // timedelta(microseconds=1)
    raise ValueError(f"expected a time like {pattern!r}, got {quote(text)}")
