"""`profile_typed`: the profile of a column to which the file gives a type, as Parquet does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_type

from domaintoolkit.proposal.columns.column_profile import Profile, spread_values, with_numbers
from domaintoolkit.proposal.columns.value_codes import encode_values
from domaintoolkit.proposal.sampling.table_sample import FoundColumn
from domaintoolkit.schema import Column
from domaintoolkit.times.calendar import DAY
from domaintoolkit.values.declared import convert_typed

__all__ = ["profile_typed"]


def profile_typed(found: FoundColumn, place: int, name: str) -> Profile:
    """The profile of a column by its type; a type that nothing reads makes it empty."""
    array = found.values
    kind = array.type
    if is_type.is_timestamp(kind) or is_type.is_date(kind):
        return _profile_times(found, place, name)
    if is_type.is_boolean(kind):
        codes, values = encode_values(array.cast(pa.string()))
        return Profile(found, place, name, "bool" if values else "empty", codes, values)
    if is_type.is_duration(kind):
        codes, values = encode_values(convert_typed(array, Column(name, type="float64")).values.cast(pa.string()))
        base = Profile(found, place, name, "number" if values else "empty", codes, values)
        seconds = np.array([float(value) for value in values], np.float64)
        return replace(base, numbers=spread_values(base, seconds)) if values else base
    if is_type.is_time(kind):
        codes, values = encode_values(array.cast(pa.string()))
        settings = {"time_format": "%H:%M:%S"}
        return Profile(found, place, name, "clock" if values else "empty", codes, values, settings, has_clock=True)
    if is_type.is_integer(kind) or is_type.is_floating(kind) or is_type.is_decimal(kind):
        clean = pc.if_else(pc.is_nan(array), None, array) if is_type.is_floating(kind) else array
        codes, values = encode_values(clean.cast(pa.string()))
        base = Profile(found, place, name, "number" if values else "empty", codes, values)
        numbers = np.array([float(value) for value in values], np.float64)
        return with_numbers(base, numbers, True) if values else base
    try:
        codes, values = encode_values(convert_typed(array, Column(name)).values.cast(pa.string()))
    except (pa.ArrowException, ValueError, AttributeError):
        codes, values = np.full(len(array), -1), []
    return Profile(found, place, name, "text" if values else "empty", codes, values)


def _profile_times(found: FoundColumn, place: int, name: str) -> Profile:
    array = found.values
    kind = array.type
    finer = is_type.is_timestamp(kind) and kind.unit == "ns"
    made = convert_typed(array, Column(name, type="timestamp", finer_times="cut" if finer else None))
    codes, values = encode_values(made.values.cast(pa.string()))
    numbers = pc.fill_null(made.values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    clock = bool((numbers % DAY != 0).any())
    zone = is_type.is_timestamp(kind) and kind.tz is not None
    cut = {"finer_times": "cut"} if finer and pc.any(pc.not_equal(
        array.cast(pa.int64()), pc.multiply(made.values.cast(pa.int64()), 1000))).as_py() else {}  # fmt: skip
    return Profile(found, place, name, "time" if values else "empty", codes, values, cut, times=numbers,
                   has_clock=clock, is_named_zone=zone)  # fmt: skip
