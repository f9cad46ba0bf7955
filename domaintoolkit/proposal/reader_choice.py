"""The reader of the proposed columns, tried on the rows that were looked at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as is_type

from domaintoolkit.proposal.columns.column_profile import Profile
from domaintoolkit.proposal.columns.epochs import epoch_unit
from domaintoolkit.proposal.encoder_choice import Choice
from domaintoolkit.proposal.sampling.table_sample import TableSample
from domaintoolkit.proposal.time_choice import ORIGIN, TimeChoice
from domaintoolkit.reading import RefusedRow, open_source
from domaintoolkit.schema import Column, Numeric, Reader, Schema, Timestamp

__all__ = ["build_reader", "joined_name", "try_reader"]

ENOUGH = 100_000
"""Rows after which a column of whole numbers is one."""


def joined_name(time: TimeChoice, others: Sequence[str]) -> str:
    """The name of the column of times; a time of several columns has a name of its own."""
    if not time.is_joined:
        return time.name
    for name in ("time", "timestamp", "event_time"):
        if name not in others:
            return name
    return f"{time.name}_and_{time.columns[1].name}"


def build_reader(
    sample: TableSample, read: Sequence[tuple[Profile, Choice | str]], time: TimeChoice | None, time_name: str | None,
    schema: Schema,
) -> Reader:  # fmt: skip
    """The reader of the columns, in the order of the files."""
    headerless = sample.settings.get("header") is False
    null = _common_nulls([profile for profile, _ in read])
    is_typed = all(profile.found.is_typed for profile, _ in read)
    columns: list[tuple[int, Column]] = []
    for profile, choice in read:
        columns.append((profile.place, _column(sample, profile, choice, null)))
    if time is not None and time_name is not None:
        columns.append((time.columns[0].place, _time_column(time, time_name, null, schema.zone)))
    if headerless:
        columns += [
            (number, Column(_name(sample, number))) for number in range(len(sample.columns))
            if not any(place == number and not column.time_join for place, column in columns)
        ]  # fmt: skip
    settings = dict(sample.settings)
    if null != ("",) and not is_typed:
        settings["null"] = null
    ordered = [column for _, column in sorted(columns, key=lambda each: (each[0], bool(each[1].time_join)))]
    return Reader(tuple(ordered), **settings)


def _name(sample: TableSample, number: int) -> str:
    return sample.columns[number].header


def _common_nulls(profiles: Sequence[Profile]) -> tuple[str, ...]:
    """The spellings of null that hold for all columns: those that several have, and that none has as a value."""
    counts = Counter(value for profile in profiles for value in profile.settings.get("null", ()))
    several = [value for value, number in counts.items() if number > 1]
    real = {value for profile in profiles for value in several if value in set(profile.values)}
    return ("", *sorted(value for value in several if value not in real))


def _null(profile: Profile, common: tuple[str, ...]) -> tuple[str, ...] | None:
    """The column's own spellings of null, if those of the reader do not do."""
    own = set(profile.settings.get("null", ()))
    return None if own <= set(common) else tuple(dict.fromkeys([*common, *sorted(own)]))


def _place(profile: Profile) -> dict[str, Any]:
    found = profile.found
    made: dict[str, Any] = {}
    if profile.name != found.header:
        made["source"] = found.header
    if found.occurrence is not None:
        made["occurrence"] = found.occurrence
    if found.aliases:
        made["aliases"] = found.aliases
    return made


def _column(sample: TableSample, profile: Profile, choice: Choice | str, null: tuple[str, ...]) -> Column:
    kind, names = _type(sample, profile, choice)
    settings: dict[str, Any] = {name: profile.settings[name] for name in names if name in profile.settings}
    settings |= _place(profile) if sample.settings.get("header") is not False else {}
    if profile.found.is_optional and choice != "key":
        settings["optional"] = True
    own = _null(profile, null)
    if own is not None:
        settings["null"] = own
    if kind == "timestamp" and profile.kind == "clock":
        settings["time_origin"] = ORIGIN
    if kind == "timestamp" and profile.kind == "number" and (unit := epoch_unit(profile)) is not None:
        settings["time_unit"] = unit
    if not isinstance(choice, str) and choice.set_separator is not None:
        settings["set_separator"] = choice.set_separator
    return Column(profile.name, type=kind, **settings)


NUMBERS = (
    "trim", "prefix", "suffix", "thousands", "decimal", "negative", "percent", "spelling", "duration_unit",
    "duration_clock",
)  # fmt: skip
TIMES = ("trim", "time_format", "time_unit", "time_origin", "finer_times")


def _type(sample: TableSample, profile: Profile, choice: Choice | str) -> tuple[Any, tuple[str, ...]]:
    """The type of a column, and the settings that it may have."""
    # in few rows a column of fractions may have whole numbers only
    enough = sample.is_whole or sample.rows >= ENOUGH
    is_float = is_type.is_floating(profile.found.values.type)  # which may have NaN in a row that was not looked at
    whole = "int64" if profile.kind == "number" and profile.is_whole and enough else None
    if is_float and not isinstance(choice, str):
        whole = None
    is_dressed = bool(set(profile.settings) & {"prefix", "suffix", "thousands", "decimal", "spelling"})
    if isinstance(choice, str):
        if whole and (choice != "key" or profile.found.is_typed or not is_dressed or "spelling" in profile.settings):
            return whole, NUMBERS
        if choice == "label" and profile.kind == "bool":
            return "bool", ("trim", "true", "false")
        return "string", ("trim",)
    if isinstance(choice.spec, Numeric) and profile.kind == "clock":
        return "float64", ("trim",)
    if isinstance(choice.spec, Numeric):
        return (whole or "float64"), (NUMBERS if whole else tuple(name for name in NUMBERS if name != "spelling"))
    if isinstance(choice.spec, Timestamp):
        return "timestamp", ("finer_times",) if profile.found.is_typed else ("trim", "time_format", "finer_times")
    if profile.kind == "bool":
        return "bool", ("trim", "true", "false")
    if whole and "spelling" in profile.settings:
        return whole, NUMBERS
    return "string", ("trim",)


def _time_column(time: TimeChoice, name: str, null: tuple[str, ...], zone: str) -> Column:
    settings: dict[str, Any] = {key: time.settings[key] for key in TIMES if key in time.settings}
    if time.is_joined:
        settings["time_join"] = tuple(column.header for column in time.columns)
        settings["trim"] = True if any(column.settings.get("trim") for column in time.columns) else None
    else:
        settings |= _place(time.columns[0]) if not time.name.startswith("column_") else {}
    own = set(time.settings.get("null", ())) - set(null)
    if own:
        settings["null"] = (*null, *sorted(own))
    return Column(name, type="timestamp", zone=zone, **settings)


class _Counted:
    """Counts refused rows by column."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, rows: Iterable[RefusedRow]) -> None:
        """Count `rows` by the first column that is wrong."""
        for row in rows:
            name = row.problems[0][0]
            if name is not None:
                self.counts[name.partition(" (")[0]] += 1


def try_reader(sample: TableSample, reader: Reader) -> tuple[pa.Table, Mapping[str, int]]:
    """The rows that were looked at as the reader reads them, and how many it refuses, by column."""
    counted = _Counted()
    source = open_source(list(sample.paths), reader)
    batches = [batch.records for batch in source.batches(refused=counted)]
    table = pa.Table.from_batches([_undictionary(batch) for batch in batches], source.schema())
    return table, counted.counts


def _undictionary(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch whose text is not dictionary-encoded, so that all batches have the same types."""
    arrays = [each.cast(each.type.value_type) if pa.types.is_dictionary(each.type) else each for each in batch.columns]
    return pa.RecordBatch.from_arrays(arrays, batch.schema.names)
