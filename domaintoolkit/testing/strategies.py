"""Hypothesis strategies for schemas, tables of a schema, and the values that break encoders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from domaintoolkit.schema import Categorical, FieldSpec, Numeric, Part, Schema, Split, Text, Timestamp
from domaintoolkit.times.time_form import formats_of

__all__ = ["cases", "edge_texts", "edge_values", "instants", "number_settings", "schemas", "tables"]

_NASTY = (
    "", " ", "null", "NaN", "=", "a=b", "[a]", "]", "\\", ".", "..", "a.", ".a", "a.b.c", "\0", "\n", "\r\n", "\t",
    "\u2581", "\ufeff", "\U0001f600", "e\u0301", "\u202e", "<s>", "[BOS]", "0", "-0", "1e308", "x" * 300,
)  # fmt: skip
_ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")
_NUMBERS = (0.0, -0.0, 1.0, -1.0, float("nan"), float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308)
_FIRST, _LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
_NAMES = ("a", "b", "c d", "e=f", "anchor", "g]", "text", "\u00fc")


def edge_texts() -> st.SearchStrategy[str]:
    """Text that has broken encoders: empty, huge, control characters, emoji, what looks like a token."""
    return st.sampled_from(_NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def instants(draw: st.DrawFn) -> datetime:
    """Times that cluster: ties, seconds and months apart, clock changes, and the ends of the calendar."""
    base = draw(st.sampled_from([datetime(2019, 10, 26, 23, tzinfo=UTC), datetime(1969, 12, 31, tzinfo=UTC)]))
    step = draw(
        st.sampled_from([timedelta(0), timedelta(microseconds=1), timedelta(seconds=1), timedelta(hours=1)])
        | st.timedeltas(timedelta(0), timedelta(days=1000))
    )
    anywhere = st.datetimes(_FIRST.replace(tzinfo=None), _LAST.replace(tzinfo=None), timezones=st.just(UTC))
    return draw(st.just(base + step) | st.just(base + step) | anywhere)


def _categoricals(name: str) -> st.SearchStrategy[FieldSpec]:
    sizes = {"max_size": st.integers(0, 4), "min_count": st.integers(1, 2)}
    return (
        st.builds(Categorical, st.just(name), **sizes)
        | st.builds(Categorical, st.just(name), separator=st.just("."), **sizes)
        | st.builds(Categorical, st.just(name), unseen=st.just("hash"), hash_buckets=st.integers(1, 5), **sizes)
    )


def _fields(name: str) -> st.SearchStrategy[FieldSpec]:
    numeric = st.builds(
        Numeric,
        st.just(name),
        bins=st.integers(1, 6),
        strategy=st.sampled_from(["quantile", "log", "uniform"]),
        sign=st.booleans(),
        refine=st.integers(1, 3),
    )
    text = st.builds(Text, st.just(name), model=st.sampled_from(["bpe", "unigram"]), vocabulary_size=st.integers(0, 20))
    return _categoricals(name) | numeric | text | _timestamps(name, False)


def _timestamps(name: str, delta: bool | None) -> st.SearchStrategy[FieldSpec]:
    parts = st.lists(st.sampled_from(get_args(Part)), unique=True, min_size=1 if delta is False else 0).map(tuple)
    given = st.just(False) if delta is False else st.just(True) | st.none()
    return st.builds(Timestamp, st.just(name), parts, given, st.integers(1, 40), st.sampled_from(_ZONES))


def _with_measure(draw: st.DrawFn, spec: FieldSpec, earlier: list[FieldSpec]) -> FieldSpec:
    """A field; a number may be one whose buckets depend on a category before it."""
    things = [field.name for field in earlier if isinstance(field, Categorical) and field.unseen == "spell"]
    if not isinstance(spec, Numeric) or not things or not draw(st.booleans()):
        return spec
    return replace(
        spec, by=draw(st.sampled_from(things)), by_size=draw(st.integers(0, 3)), by_min_count=draw(st.integers(1, 2))
    )


_TIME_SETTINGS: tuple[dict[str, Any], ...] = (
    {"time_format": "%d.%m.%Y %H:%M:%S"},
    {"time_format": "%Y%m%dT%H:%M"},
    {"time_format": "%Y-%m-%d %H:%M:%S", "time_join": ("day", "clock")},
    {"time_unit": "ms"},
    {"time_unit": "min", "time_origin": "2019-10-01T00:00:00Z"},
)
_UNITS = {"ms": timedelta(milliseconds=1), "min": timedelta(minutes=1)}


def _written_times(schema: Schema, instants: list[datetime | None]) -> dict[str, pa.Array]:
    """The columns that hold the time, in the form that the schema declares."""
    assert schema.time is not None
    if schema.time_unit is not None:
        origin = datetime.fromisoformat(schema.time_origin or "1970-01-01T00:00:00+00:00")
        counts = [None if at is None else (at - origin) // _UNITS[schema.time_unit] for at in instants]
        return {schema.time: pa.array(counts, pa.int64())}
    form, zone = (*formats_of(schema.time_format), "")[0], ZoneInfo(schema.zone)
    texts = [None if at is None else at.astimezone(zone).strftime(form) for at in instants]
    if not schema.time_join:
        return {schema.time: pa.array(texts, pa.string())}
    parts = [[None] * len(schema.time_join) if text is None else text.split(" ") for text in texts]
    return {name: pa.array([row[k] for row in parts], pa.string()) for k, name in enumerate(schema.time_join)}


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    """Schemas with any mixture of fields, static fields, one or two entity columns, with and without time.

    Times are typed, text in a format, counts of a unit, or in two columns.
    """
    names = draw(st.lists(st.sampled_from(_NAMES), unique=True, min_size=1, max_size=4))
    fields = [draw(_fields(name)) for name in names]
    fields = [_with_measure(draw, spec, fields[:place]) for place, spec in enumerate(fields)]
    time = draw(st.sampled_from(["at", None]))
    if time is not None and draw(st.booleans()):
        fields.insert(draw(st.integers(0, len(fields))), draw(_timestamps("at", None)))
    static = [draw(_fields("static"))] if draw(st.booleans()) else []
    exact = [f.name for f in fields if isinstance(f, Categorical) and f.unseen == "spell"]
    session = draw(st.sampled_from([None, "session"]))
    cuts = [] if time is None else [Split(validation_from="2019-10-27T01:00"), Split(test_from="2019-10-27T01:00")]
    orders = [[], ["sequence"], exact[:1], ["user", "sequence"]]
    order_by = draw(st.sampled_from([*orders, *([["session", "sequence"]] if session else [])]))
    return Schema(
        fields=tuple(fields),
        entity=("user", "shop") if draw(st.booleans()) else ("user",),
        time=time,
        order_by=tuple(order_by),
        static=tuple(static),
        untimed=draw(st.sampled_from(["refuse", "static"]))
        if any(field.name == time for field in fields)
        else "refuse",
        split=draw(st.sampled_from([None, None, Split(column="set"), *cuts])),
        labels=("label",) if draw(st.booleans()) else (),
        session=session,
        zone=draw(st.sampled_from(_ZONES)),
        **({} if time is None else draw(st.just({}) | st.sampled_from(_TIME_SETTINGS))),
        session_gap=draw(st.sampled_from([None, "1s", "2h"])) if time is not None and session is None else None,
        min_events=draw(st.sampled_from([1, 1, 2])),
        max_events=draw(st.sampled_from([None, None, 2])),
    )


_KINDS: dict[str, tuple[pa.DataType, ...]] = {
    "categorical": (pa.string(), pa.int64(), pa.bool_()),
    "numeric": (pa.float64(), pa.int64()),
    "timestamp": (pa.timestamp("us", "UTC"),),
}


def _values(kind: pa.DataType, numeric: bool) -> st.SearchStrategy[Any]:
    """Values of a type; whole numbers that name something are any, those that count something cluster."""
    if pa.types.is_boolean(kind):
        return st.booleans()
    if pa.types.is_integer(kind):
        signed = int(pa.types.is_signed_integer(kind))
        low, high = -signed << (kind.bit_width - 1), (1 << (kind.bit_width - signed)) - 1
        return st.integers(low, high) | st.integers(max(low, -9), 9)
    if pa.types.is_floating(kind):
        floats = st.floats(width=kind.bit_width)
        return floats | st.sampled_from(_NUMBERS) if numeric else floats
    if pa.types.is_date(kind):
        return st.dates() | instants().map(datetime.date)
    if pa.types.is_decimal(kind):
        return st.integers(-9, 9).map(Decimal)
    return instants() if pa.types.is_timestamp(kind) else edge_texts()


@st.composite
def number_settings(draw: st.DrawFn) -> dict[str, Any]:
    """Settings of a `Column` of numbers as people write them: a currency, groups of digits, a decimal comma, signs."""
    decimal = draw(st.sampled_from([".", ","]))
    found = {
        "prefix": draw(st.sampled_from([None, "\u20ac", "$ ", "EUR "])),
        "suffix": draw(st.sampled_from([None, " kg", "\u00a0\u20ac"])),
        "thousands": draw(st.sampled_from([None, " ", "'", "." if decimal == "," else ","])),
        "decimal": decimal,
        "negative": draw(st.sampled_from(["sign", "parentheses", "trailing"])),
        "percent": draw(st.booleans()),
    }
    return {name: value for name, value in found.items() if value is not None}


def edge_values(spec: FieldSpec, kind: pa.DataType) -> st.SearchStrategy[Any]:
    """Values of a type that have broken encoders, for a field; null is left to the caller."""
    return _values(kind, isinstance(spec, Numeric))


def _as(numbers: pa.Array, kind: pa.DataType) -> pa.Array:
    """Small whole numbers as values of a column's type: a few keys, labels or sessions."""
    if pa.types.is_date32(kind):
        return numbers.cast(pa.int32()).cast(kind)
    return (numbers.cast(pa.int8()) if pa.types.is_decimal(kind) else numbers).cast(kind)


def _type_of(spec: FieldSpec, types: Mapping[str, pa.DataType]) -> pa.DataType:
    """The type that a field's column has: as given, or by a rule that needs no drawing."""
    if spec.name in types:
        return types[spec.name]
    kinds = _KINDS.get(spec.type, (pa.string(),))
    return kinds[len(repr(spec)) % len(kinds)]


@st.composite
def tables(
    draw: st.DrawFn,
    schema: Schema,
    max_rows: int = 12,
    types: Mapping[str, pa.DataType] | None = None,
    custom: Mapping[str, st.SearchStrategy[Any]] | None = None,
) -> pa.Table:
    """Tables of a schema, with nulls, ties, and few entities, so that histories have several events.

    `types` are those of columns (left out: text, numbers, times, as the fields say); `custom` draws the values of the
    fields that it names (left out: edge values of the type; text for a field whose encoder comes from a plugin).
    """
    known, own = types or {}, custom or {}
    count = draw(st.integers(0, max_rows))

    def column(values: st.SearchStrategy[Any], kind: pa.DataType) -> pa.Array:
        return pa.array(draw(st.lists(values, min_size=count, max_size=count)), kind, from_pandas=False)

    def values_of(spec: FieldSpec) -> st.SearchStrategy[Any]:
        return st.none() | own.get(spec.name, edge_values(spec, _type_of(spec, known)))

    columns: dict[str, pa.Array] = {}
    for name in schema.entity:
        columns[name] = _as(column(st.sampled_from([0, 1, 30]), pa.int64()), known.get(name, pa.int64()))
    for spec in schema.fields:
        if spec.name != schema.time:
            columns[spec.name] = column(values_of(spec), _type_of(spec, known))
    if schema.time is not None:
        is_written = schema.time not in known and (schema.time_format or schema.time_unit)
        # a format or a count need not reach the ends of the calendar
        one = instants().filter(lambda at: 1900 < at.year < 2100) if is_written else instants()
        given = one if schema.untimed == "refuse" else st.none() | one
        drawn = column(given, pa.timestamp("us", "UTC"))
        columns |= _written_times(schema, drawn.to_pylist()) if is_written else {schema.time: drawn}
    for name in (*schema.order_by, *schema.labels, *([schema.session] if schema.session else [])):
        if name not in columns:
            columns[name] = _as(column(st.integers(0, 1), pa.int64()), known.get(name, pa.int64()))
    if schema.split is not None and schema.split_column is not None:
        columns[schema.split_column] = column(
            st.sampled_from([v for each in schema.split.values for v in each]), pa.string()
        )
    keys = list(zip(*(columns[name].to_pylist() for name in schema.entity), strict=True))
    for spec in schema.static:
        of_entity = {key: draw(values_of(spec)) for key in sorted(set(keys))}
        columns[spec.name] = pa.array([of_entity[key] for key in keys], _type_of(spec, known), from_pandas=False)
    return pa.table(columns)


@st.composite
def cases(draw: st.DrawFn, max_rows: int = 12) -> tuple[Schema, pa.Table, pa.Table]:
    """A schema, a table to fit on, and a table to encode, that may hold values not seen in fitting."""
    schema = draw(schemas())
    return schema, draw(tables(schema, max_rows)), draw(tables(schema, max_rows))
