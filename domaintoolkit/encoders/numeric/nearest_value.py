"""The values of an Arrow type that lie nearest to a number."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal

import numpy as np
import pyarrow as pa

__all__ = ["nearby"]

_WIDE = Context(prec=80)


def nearby(number: float, kind: pa.DataType) -> list[object]:
    """The value of a numeric type nearest to `number`, then those next to it below and above."""
    test = pa.types
    if test.is_integer(kind):
        return _integers(number, kind)
    if test.is_boolean(kind):
        return [number >= 0.5, False, True]
    if test.is_decimal(kind):
        return _decimals(number, kind)
    if test.is_float64(kind):
        return [number, math.nextafter(number, -math.inf), math.nextafter(number, math.inf)]
    narrow, largest = (np.float16, 65504.0) if test.is_float16(kind) else (np.float32, 3.4028234663852886e38)
    values = np.full(3, min(max(number, -largest), largest), narrow)
    values[1:] = np.nextafter(values[1:], np.array([-largest, largest], narrow))
    near: list[object] = values.tolist()
    return near


def _integers(number: float, kind: pa.DataType) -> list[object]:
    signed = int(pa.types.is_signed_integer(kind))
    low, high = -signed << (kind.bit_width - 1), (1 << (kind.bit_width - signed)) - 1
    # infinities cannot be rounded, and no type of integers reaches so far
    bounded = min(max(number, -1e30), 1e30)
    around = (round(bounded), math.floor(bounded), math.ceil(bounded), math.floor(bounded) - 1, math.ceil(bounded) + 1)
    return [min(max(whole, low), high) for whole in around]


def _decimals(number: float, kind: pa.DataType) -> list[object]:
    unit = Decimal(1).scaleb(-kind.scale)
    # the greatest number of the type: all digits are nines
    limit = Decimal(1).scaleb(kind.precision - kind.scale) - unit
    bounded = min(max(Decimal(number), -limit), limit)
    return [bounded.quantize(unit, mode, _WIDE) for mode in (ROUND_HALF_EVEN, ROUND_FLOOR, ROUND_CEILING)]
