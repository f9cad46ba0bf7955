"""Scales, ticks and grids."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from domaintoolkit.report.charts.figure import number_text, shape, text

__all__ = ["Frame", "Scale1D", "scale_over"]


LEAST, MOST = sys.float_info.min, sys.float_info.max


@dataclass(frozen=True, slots=True)
class Scale1D:
    """Numbers from `low` to `high`, or their logarithms, on a line from `begin` to `end`."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = (
            math.log(each) if self.log else each
            for each in (self.low, self.high, max(value, 1e-300) if self.log else value)
        )
        # of halves, since the difference of two huge numbers may be infinite
        share = (at / 2 - low / 2) / (high / 2 - low / 2)
        return self.begin + min(1.0, max(0.0, share)) * (self.end - self.begin)

    def ticks(self, wanted: int = 5) -> list[float]:
        """Round numbers within the scale."""
        return _log_ticks(self.low, self.high, wanted) if self.log else _ticks(self.low, self.high, wanted)


def scale_over(values: Iterable[float], begin: float, end: float, log: bool = False, zero: bool = False) -> Scale1D:
    """A scale that holds all finite values, and 0 if `zero`."""
    finite = [value for value in values if math.isfinite(value) and (value > 0 or not log)]
    low, high = (min(finite), max(finite)) if finite else (0.1, 1.0) if log else (0.0, 1.0)
    if zero and not log:
        low, high = min(low, 0.0), max(high, 0.0)
    if log:
        # as much room on each side as below, on the logarithms
        spread = math.exp(0.04 * (math.log(high) - math.log(low))) if high > low else 2.0
        return Scale1D(max(low / spread, LEAST), min(high * spread, MOST), begin, end, True)
    if low == high:
        # half a unit around a number that is itself so large that this does not change it would be nothing
        half = max(0.5, abs(low) * 1e-9)
        low, high = (low - half, high + half) if not zero or low else (0.0, 1.0)
    # of the width of the data; an axis that begins or ends at zero has none there
    room = 0.04 * high - 0.04 * low
    low = low if zero and low == 0 else max(low - room, -MOST)
    return Scale1D(low, high if zero and high == 0 else min(high + room, MOST), begin, end)


def _ticks(low: float, high: float, wanted: int) -> list[float]:
    raw = high / max(1, wanted) - low / max(1, wanted)
    power = 10.0 ** math.floor(math.log10(raw))
    # the tolerances here and below keep a tick that rounding puts just outside
    step = next(power * nice for nice in (1, 2, 2.5, 5, 10) if power * nice >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float, wanted: int) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    # ticks in each power of ten: more of them, the fewer powers the axis spans
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        found = [10.0**power * step for power in range(first, last + 1) for step in steps]
        found = [value for value in found if low * 0.999 <= value <= high * 1.001]
        if len(found) >= 3 or steps[-1] == 7:
            # every n-th, if the axis spans very many powers
            return found[:: max(1, -(-len(found) // (wanted + 2)))]
    return []


@dataclass(frozen=True, slots=True)
class Frame:
    """The axes of a picture: `across` from left to right, `up` from the bottom to the top."""

    across: Scale1D
    up: Scale1D
    x_label: str
    y_label: str

    def draw(self, x_names: list[tuple[float, str]] | None = None) -> str:
        """Grid, ticks and labels. `x_names` are ticks with a text of their own."""
        left, right, bottom, top = self.across.begin, self.across.end, self.up.begin, self.up.end
        marks = []
        for value in self.up.ticks():
            y = self.up(value)
            marks.append(shape("line", x1=left, x2=right, y1=y, y2=y, class_="grid"))
            marks.append(text(tick_text(value), left - 6, y + 4, "end", class_="tick"))
        ticks = (
            [(self.across(value), tick_text(value)) for value in self.across.ticks()] if x_names is None else x_names
        )
        for x, name in ticks:
            marks.append(shape("line", x1=x, x2=x, y1=bottom, y2=bottom + 4, class_="axis"))
            marks.append(text(name, x, bottom + 17, "middle", class_="tick"))
        marks.append(shape("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        marks.append(text(self.x_label, (left + right) / 2, bottom + 36, "middle", class_="label"))
        middle = (top + bottom) / 2
        marks.append(text(self.y_label, 12, middle, "middle", class_="label", transform=f"rotate(-90 12 {middle:.1f})"))
        return "".join(marks)


def tick_text(value: float) -> str:
    """A short number: 1.5k, 20M."""
    size = abs(value)
    if size >= 1e15:
        return f"{value:.3g}"
    for power, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        # a number below 10,000 is written out, even one above 1,000
        if size >= power * (10 if unit == "k" else 1):
            return f"{value / power:.4g}{unit}"
    if size and size < 1e-3:
        return f"{value:.0e}"
    return f"{value:.4g}" if size < 1e4 else number_text(value)
