"""Times as the text of a raw file: in the format of their column, and split into the columns that make them."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.schema import Column
from domaintoolkit.times.calendar import PER_UNIT
from domaintoolkit.times.iso_text import parse_time
from domaintoolkit.times.time_form import Unit
from domaintoolkit.times.zones import zone_table
from domaintoolkit.values.instants.time_formats import write_formatted

__all__ = ["split_times", "write_times"]


def write_times(array: pa.Array, column: Column) -> pa.Array:
    """The texts of instants: in the column's first format, by the clock of its zone, or as counts of its unit."""
    if column.time_unit is not None:
        return _write_counts(array, column, column.time_unit)
    instants = array.cast(pa.timestamp("us", "UTC"))
    pattern = column.time_form.pattern
    if pattern is None:
        return pc.strftime(instants, "%Y-%m-%dT%H:%M:%SZ")
    return write_formatted(instants, pattern, zone_table(column.zone))


def _write_counts(array: pa.Array, column: Column, unit: Unit) -> pa.Array:
    """Counts of a unit since the column's origin, which is by the clock of its zone unless it names one."""
    start, is_named = parse_time(column.time_origin)[:2] if column.time_origin else (0, True)
    instants = array.cast(pa.timestamp("us", "UTC"))
    if not is_named:
        instants = pc.local_timestamp(instants.cast(pa.timestamp("us", column.zone)))
    since = pc.subtract(instants.cast(pa.timestamp("us")).cast(pa.int64()), start)
    if unit == "ns":
        return pc.multiply(since, 1_000).cast(pa.string())
    per = PER_UNIT[unit]
    coded = since.dictionary_encode()
    texts = [str(count // per) if count % per == 0 else repr(count / per) for count in coded.dictionary.to_pylist()]
    return pa.array(texts, pa.string()).take(coded.indices)


def split_times(array: pa.Array, column: Column) -> dict[str, pa.Array]:
    """The texts of the columns that `time_join` names: each takes a word of the time, and the last one all others."""
    headers = tuple(column.time_join)
    if column.time_format is None:
        texts = pc.strftime(array.cast(pa.timestamp("us", column.zone)), "%Y-%m-%d %H:%M:%S")
    else:
        texts = write_times(array, column)
    words = pc.split_pattern(texts, " ", max_splits=len(headers) - 1)
    return {header: pc.list_element(words, place) for place, header in enumerate(headers)}
