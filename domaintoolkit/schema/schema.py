"""`Schema`: the declaration of a domain's events."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field as Constraint
from pydantic import field_validator, model_validator

from domaintoolkit.display import Fragment
from domaintoolkit.errors import Problem, SchemaError, unknown_name
from domaintoolkit.schema.convert import from_dict, json_schema, read_toml, to_toml
from domaintoolkit.schema.declaration import Listed, Whole, declaration
from domaintoolkit.schema.fields import Categorical, Composite, FieldSpec, Numeric, Timestamp, Zone, check_zone
from domaintoolkit.schema.split import Split
from domaintoolkit.schema.time_settings import Format, TimeOrigin, find_time_problems
from domaintoolkit.times.time_form import Finer, TimeForm, Unit

__all__ = ["Schema"]

_GAP = re.compile(r"([1-9][0-9]{0,8})([smhd])")
_UNITS = {"s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
"""Microseconds."""


def _wrap_name(value: Any) -> Any:
    """Let one name stand for a list of one name."""
    return (value,) if isinstance(value, str) else value


def _check_gap(value: str | None) -> str | None:
    if value is not None and _GAP.fullmatch(value) is None:
        raise ValueError(f"expected a whole number of s, m, h or d, such as '30m', got {value!r}")
    return value


@declaration
class Schema:
    """Who (`entity`), when (`time`), and the ordered `fields` of an event.

    `static` fields belong to the entity and are emitted once. The `order_by` columns order events of one time, or
    without a time column all events of an entity; without either, events keep the order of the rows. In such a column
    of text, whole numbers come first, 9 before 10.
    `labels` are stored with the streams and never encoded. A column in `leaks` gives a label away, so it may
    not be encoded either. A change in the `session` column starts a session; in place of such a column,
    `session_gap` (`"30m"`; units are s, m, h and d) starts one at each event that comes so long after the event
    before it. Entities with fewer than `min_events` events are left out, and of longer histories the last
    `max_events` events are kept; both are counted. Rows without a time are refused, or with
    `untimed = "static"` are facts of their entity, which come before all that has a time.

    Times are ISO 8601, or of a type of times. Those without a zone are read in `zone`. Text of another form needs
    a `time_format`, such as `%d.%m.%Y %H:%M`. Numbers need a `time_unit`, and count from 1970 in UTC or from
    `time_origin`, which also gives times of day their date. `time_join` names columns, such as those of a date and
    of a time of day, that make the time together: their values are joined with spaces. A time finer than a
    microsecond is refused, or cut with `finer_times = "cut"`.
    """

    fields: Listed[FieldSpec]
    entity: Listed[str]
    time: str | None = None
    order_by: Listed[str] = ()
    static: Listed[FieldSpec] = ()
    labels: Listed[str] = ()
    leaks: Listed[str] = ()
    session: str | None = None
    session_gap: str | None = None
    untimed: Literal["refuse", "static"] = "refuse"
    min_events: Annotated[Whole, Constraint(ge=1)] = 1
    max_events: Annotated[Whole, Constraint(ge=1)] | None = None
    zone: Zone = "UTC"
    time_format: Format | None = None
    time_unit: Unit | None = None
    time_origin: TimeOrigin | None = None
    time_join: Listed[str] = ()
    finer_times: Finer = "refuse"
    split: Split | None = None
    composite: Composite | None = None

    _one_is_a_list = field_validator("entity", "order_by", "labels", "leaks", mode="before")(_wrap_name)
    _zone_exists = field_validator("zone")(check_zone)
    _gap_is_a_time = field_validator("session_gap")(_check_gap)

    @model_validator(mode="after")
    def _consistent(self) -> Schema:
        found = [*_roles(self), *_times(self), *_orders(self), *_measures(self), *_composites(self)]
        if found:
            raise SchemaError(found)
        return self

    def __repr__(self) -> str:
        time = "" if self.time is None else f" by {self.time}"
        fields = ", ".join(spec.name for spec in self.fields)
        static = "".join(f", {spec.name} (static)" for spec in self.static)
        return f"<Schema of {' and '.join(self.entity)}{time}: {fields}{static}>"

    def _repr_html_(self) -> str:
        """The schema as a notebook shows it: a line for each field, with the settings that are not the defaults."""
        fields = (*self.static, *self.fields)
        shown = Fragment("Schema", _describe(self), [spec.name for spec in fields])
        shown.table(("field", "type", "settings"), [_row(spec, spec in self.static) for spec in fields])
        return shown.html()

    @classmethod
    def from_toml(cls, path: str | Path) -> Schema:
        """Read a schema from a TOML file; raises `SchemaError` with all its problems.

        A `[reader]` table in the file is ignored: it describes files, and a schema describes tables.
        """
        data = read_toml(path)
        data.pop("reader", None)
        return from_dict(cls, data, str(path))

    def to_toml(self) -> str:
        """The schema as TOML text, from which `from_toml` reads an equal schema."""
        return to_toml(self)

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON schema of such a TOML file, for completion in editors."""
        return json_schema(cls)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that encoding reads, in the order of the schema, without repeats."""
        named = [
            *self.entity,
            *([self.time] if self.time else []),
            *([self.session] if self.session else []),
            *(spec.name for spec in self.static),
            *(spec.name for spec in self.fields),
            *self.order_by,
            *self.labels,
            *([self.split_column] if self.split_column else []),
        ]
        return tuple(dict.fromkeys(named))

    @property
    def split_column(self) -> str | None:
        """The column that gives the split of each entity, or None."""
        return None if self.split is None else self.split.column

    @property
    def tie_order(self) -> tuple[str, ...]:
        """The `order_by` columns that can differ between events of one entity and time."""
        return tuple(name for name in self.order_by if name not in (*self.entity, self.time))

    @property
    def free_order(self) -> tuple[str, ...]:
        """Those of them that are not fields, so that no tokens encode them."""
        encoded = {spec.name for spec in (*self.static, *self.fields)}
        return tuple(name for name in self.tie_order if name not in encoded)

    @property
    def has_order(self) -> bool:
        """True if columns give the order of events; if not, it is the order of the rows."""
        return self.time is not None or bool(self.tie_order)

    @property
    def is_ordered_by_fields(self) -> bool:
        """True if only a field gives the order of some events, so that not every series of events is a history."""
        first = next((name for name in self.tie_order if name != self.session), None)
        return self.time is None and bool(self.tie_order) and first not in self.free_order

    @property
    def has_sessions(self) -> bool:
        """True if session tokens begin sessions."""
        return self.session is not None or self.session_gap is not None

    @property
    def gap(self) -> int | None:
        """The microseconds without an event after which a session begins; None if no such gap is declared."""
        found = None if self.session_gap is None else _GAP.fullmatch(self.session_gap)
        return None if found is None else int(found[1]) * _UNITS[found[2]]

    @property
    def time_field(self) -> Timestamp | None:
        """The field that encodes the time column, or None."""
        return next((spec for spec in self.fields if isinstance(spec, Timestamp) and spec.name == self.time), None)

    def time_form(self, name: str) -> TimeForm:
        """The form that the times of a column are written in: the time column, or that of a `Timestamp`."""
        found = (spec for spec in (*self.static, *self.fields) if isinstance(spec, Timestamp) and spec.name == name)
        return self.settled(next(found, Timestamp(name))).time_form

    def settled(self, spec: Timestamp) -> Timestamp:
        """A field with the defaults that depend on the schema filled in."""
        own = spec.time_format, spec.time_unit, spec.time_origin
        form = own if any(setting is not None for setting in own) else None
        time_format, time_unit, time_origin = form or (self.time_format, self.time_unit, self.time_origin)
        return replace(
            spec,
            delta=self.has_delta(spec),
            time_format=time_format,
            time_unit=time_unit,
            time_origin=time_origin,
            finer_times=self.finer_times if spec.finer_times is None else spec.finer_times,
        )

    def has_delta(self, spec: Timestamp) -> bool:
        """True if `spec` emits the time since the entity's previous event."""
        return spec.name == self.time if spec.delta is None else spec.delta


def _describe(schema: Schema) -> str:
    """The roles of the columns that are not fields."""
    roles = {
        "entity": ", ".join(schema.entity),
        "time": schema.time,
        "zone": None if schema.zone == "UTC" else schema.zone,
        "order by": ", ".join(schema.order_by),
        "session": schema.session or schema.session_gap,
        "labels": ", ".join(schema.labels),
    }
    return " \u00b7 ".join(f"{role} {columns}" for role, columns in roles.items() if columns)


def _row(spec: FieldSpec, is_static: bool) -> tuple[str, str, str]:
    """The name, the type and the settings of a field."""
    settings = repr(spec).partition("(")[2].removesuffix(")").removeprefix(repr(spec.name)).removeprefix(", ")
    return spec.name, f"{spec.type}, static" if is_static else spec.type, settings


def _roles(schema: Schema) -> Iterator[Problem]:
    """Check that each column has one role; only `order_by` may name a column that has another role too."""
    if not schema.fields:
        yield Problem("fields", "at least one field is required")
    if not schema.entity:
        yield Problem("entity", "at least one column is required")
    roles: list[tuple[str, str]] = [
        *((name, f"entity[{i}]") for i, name in enumerate(schema.entity)),
        *((spec.name, f"static[{i}].name") for i, spec in enumerate(schema.static)),
        *((spec.name, f"fields[{i}].name") for i, spec in enumerate(schema.fields)),
        *((name, f"labels[{i}]") for i, name in enumerate(schema.labels)),
        *([(schema.session, "session")] if schema.session else []),
        *([(schema.split_column, "split.column")] if schema.split_column else []),
    ]
    if schema.time and schema.time_field is None:
        roles.append((schema.time, "time"))
    first: dict[str, str] = {}
    for name, path in roles:
        if name == "":
            yield Problem(path, "a column name cannot be empty")
        if not _is_unicode(name):
            yield Problem(path, f"a column name has to be Unicode text, got {name!r}")
        if name in first:
            yield Problem(path, f"column {name!r} is already used by {first[name]}")
        first.setdefault(name, path)
    for name, path in roles:
        # a leak may be stored beside the streams, or decide the split
        if name in schema.leaks and not path.startswith(("labels", "split")):
            yield Problem(path, f"column {name!r} is a leak: it gives a label away, so it cannot be encoded")
    for name, count in Counter(schema.order_by).items():
        if count > 1:
            yield Problem("order_by", f"column {name!r} is listed twice")


def _is_unicode(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _times(schema: Schema) -> Iterator[Problem]:
    yield from find_time_problems(schema.time_format, schema.time_unit, schema.time_origin)
    if schema.time_join and schema.time is None:
        yield Problem("time_join", "makes the time, but the schema has no time column: give it a name with `time`")
    if len(schema.time_join) == 1:
        yield Problem("time_join", "at least two columns are required")
    for place, specs in (("static", schema.static), ("fields", schema.fields)):
        for i, spec in enumerate(specs):
            if isinstance(spec, Timestamp):
                if spec.delta and (spec.name != schema.time or place == "static"):
                    yield Problem(f"{place}[{i}].delta", "only the field of the schema's time column can have a delta")
                if not spec.parts and not schema.has_delta(spec):
                    yield Problem(f"{place}[{i}].parts", "a timestamp without a delta needs at least one part")

    if schema.untimed == "static" and schema.time_field is None:
        yield Problem("untimed", "needs a field of the time column, whose null token says that a row has no time")
    cuts = None if schema.split is None else schema.split.cuts(schema.zone)
    if cuts is not None and schema.time is None:
        yield Problem("split", "is by time, but the schema has no time column")
    if cuts is not None and cuts[0] > cuts[1]:
        yield Problem("split.validation_from", "is later than test_from")
    if schema.session_gap is not None and schema.session is not None:
        yield Problem("session_gap", f"the column {schema.session!r} gives the sessions already; declare only one")
    if schema.session_gap is not None and schema.time is None:
        yield Problem("session_gap", "counts the time between events, but the schema has no time column")


def _orders(schema: Schema) -> Iterator[Problem]:
    """Check that columns that order ties decode exactly; otherwise decoded ties would have another order."""
    lossy = {
        spec.name
        for spec in (*schema.fields, *schema.static)
        if spec.name != schema.time and (not isinstance(spec, Categorical) or spec.unseen == "hash")
    }
    for i, name in enumerate(schema.order_by):
        if name in lossy:
            yield Problem(f"order_by[{i}]", f"field {name!r} does not decode exactly, so it cannot order ties")
        elif name in schema.labels:
            yield Problem(f"order_by[{i}]", f"column {name!r} is a label, which no token encodes")


def _measures(schema: Schema) -> Iterator[Problem]:
    """Check that the field that says what a number measures decodes exactly, and is known before the number."""
    for place, specs in (("static", schema.static), ("fields", schema.fields)):
        for i, spec in enumerate(specs):
            if not isinstance(spec, Numeric) or spec.by is None:
                continue
            path, earlier = f"{place}[{i}].by", {other.name: other for other in specs[:i]}
            found = earlier.get(spec.by)
            if found is None and any(other.name == spec.by for other in specs):
                yield Problem(path, f"field {spec.by!r} must come before {spec.name!r}: list it first")
            elif found is None:
                known = sorted(name for name, other in earlier.items() if isinstance(other, Categorical))
                yield Problem(path, unknown_name(f"field among the {place} before {spec.name!r}", spec.by, known))
            elif not isinstance(found, Categorical) or found.unseen == "hash":
                yield Problem(path, f"field {spec.by!r} must be categorical, and must spell values without a token")


def _composites(schema: Schema) -> Iterator[Problem]:
    if schema.composite is None or schema.composite.fields is None:
        return
    known = {spec.name for spec in schema.fields}
    for i, name in enumerate(schema.composite.fields):
        if name not in known:
            yield Problem(f"composite.fields[{i}]", unknown_name("field", name, sorted(known)))
