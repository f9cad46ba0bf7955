"""The fields of an event: one frozen declaration for each kind of encoder.

The encoders themselves are in `domaintoolkit.encoders`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import Field as Constraint
from pydantic import field_validator, model_validator

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.declaration import Flag, Listed, Whole, declaration
from domaintoolkit.schema.time_settings import Format, TimeOrigin, find_time_problems
from domaintoolkit.times.time_form import Finer, TimeForm, Unit, time_form

__all__ = [
    "Categorical",
    "Composite",
    "Custom",
    "FieldSpec",
    "Numeric",
    "Part",
    "Text",
    "Timestamp",
    "Zone",
    "check_zone",
]

Name = Annotated[str, Constraint(min_length=1, description="Column of the field.")]
Part = Literal["year", "month", "day", "weekday", "hour", "minute"]
Option = str | int | float | bool | list[Any] | dict[str, Any]


@lru_cache
def _is_zone(name: str) -> bool:
    # cached, since available_timezones reads the whole database at each call
    return name in available_timezones()


def check_zone(zone: str) -> str:
    if not _is_zone(zone):
        raise ValueError(f"unknown time zone {zone!r}; use a name of the IANA database, such as 'Europe/Berlin'")
    return zone


Zone = Annotated[str, Constraint(description="IANA time zone, such as 'Europe/Berlin'.")]


@declaration
class Categorical:
    """A value from a set: a brand, an event type, a merchant category.

    The `max_size` most frequent values that occur at least `min_count` times become tokens; or exactly `values`
    do, in that order. Any other value is *spelled* byte by byte after the field's spell marker, or, with
    `unseen="hash"`, mapped to one of `hash_buckets` tokens. With `separator`, a value is a path, such as
    `electronics.smartphone`, and each of its levels has its own tokens.
    """

    name: Name
    max_size: Annotated[Whole, Constraint(ge=0)] = 10_000
    min_count: Annotated[Whole, Constraint(ge=1)] = 1
    values: Listed[str] | None = None
    separator: Annotated[str, Constraint(min_length=1)] | None = None
    unseen: Literal["spell", "hash"] = "spell"
    hash_buckets: Annotated[Whole, Constraint(ge=1, le=1 << 20)] = 1024
    type: Literal["categorical"] = "categorical"

    @model_validator(mode="after")
    def _consistent(self) -> Categorical:
        found = []
        if self.values is not None and len(set(self.values)) != len(self.values):
            found.append(Problem("values", "lists a value twice"))
        if self.separator is not None and self.unseen == "hash":
            found.append(Problem("unseen", "cannot be 'hash' with a separator; unseen levels are spelled"))
        if found:
            raise SchemaError(found)
        return self


@declaration
class Numeric:
    """A number, as one of `bins` buckets whose ids are in numeric order.

    `quantile` buckets hold equally many fitted values; `log` and `uniform` buckets are equally wide on that
    scale; `explicit` buckets lie between the given `edges`. Zero and frequent values, such as 9.99, get buckets of
    their own, unless the edges are given. A bucket decodes to the value seen in it that is nearest to its mean; if
    fitting saw no number at all and there are no `edges`, every number is NaN. `sign` adds a token for the sign before
    the bucket of the magnitude. `refine` splits each bucket into that many parts, each with a second token.

    `by` names the field that says what is measured, such as a laboratory parameter, a sensor or a currency: each of
    its `by_size` most frequent values, of those with at least `by_min_count` numbers, has buckets of its own, and the
    others share buckets. It is a `Categorical` that decodes exactly, and comes before this field.
    """

    name: Name
    bins: Annotated[Whole, Constraint(ge=1, le=65_536)] = 64
    strategy: Literal["quantile", "log", "uniform", "explicit"] = "quantile"
    edges: Listed[float] | None = None
    sign: Flag = False
    refine: Annotated[Whole, Constraint(ge=1, le=4096)] = 1
    by: Annotated[str, Constraint(min_length=1)] | None = None
    by_size: Annotated[Whole, Constraint(ge=0, le=65_536)] = 1000
    by_min_count: Annotated[Whole, Constraint(ge=1)] = 100
    type: Literal["numeric"] = "numeric"

    @model_validator(mode="after")
    def _consistent(self) -> Numeric:
        found = []
        if (self.strategy == "explicit") != (self.edges is not None):
            found.append(Problem("edges", "are required with strategy 'explicit', and allowed with no other"))
        if self.edges is not None:
            if len(self.edges) < 2:
                found.append(Problem("edges", "at least two are required: the ends of the first bucket"))
            if any(not math.isfinite(edge) for edge in self.edges):
                found.append(Problem("edges", "must be finite"))
            if any(not low < high for low, high in zip(self.edges, self.edges[1:], strict=False)):
                found.append(Problem("edges", "must be in ascending order"))
            if self.sign and min(self.edges, default=0) < 0:
                found.append(Problem("edges", "cannot be negative with a sign token; they bound magnitudes"))
            if self.by is not None:
                found.append(Problem("by", "cannot be used with edges, which are the same whatever is measured"))
        if found:
            raise SchemaError(found)
        return self


@declaration
class Timestamp:
    """An instant, as calendar `parts` in a time zone and the time since the entity's previous event.

    A `Timestamp` with the name of the schema's time column encodes the event's time. Only it can have a
    `delta`, the time since the previous event in `delta_bins` log-spaced buckets, and has one by default. These begin
    at the day, hour, minute or second that all fitted times are whole units of, and reach as far as these times. The
    calendar is that of `zone`; in any other column, times without a zone are read in `zone` too.

    `time_format`, `time_unit`, `time_origin` and `finer_times` say how the column is read, as those of the schema
    do; a field that has none of them is read as the schema says.
    """

    name: Name
    parts: Listed[Part] = ("weekday", "hour")
    delta: Flag | None = None
    delta_bins: Annotated[Whole, Constraint(ge=1, le=4096)] = 32
    zone: Zone = "UTC"
    time_format: Format | None = None
    time_unit: Unit | None = None
    time_origin: TimeOrigin | None = None
    finer_times: Finer | None = None
    type: Literal["timestamp"] = "timestamp"

    _zone_exists = field_validator("zone")(check_zone)

    @model_validator(mode="after")
    def _consistent(self) -> Timestamp:
        found = find_time_problems(self.time_format, self.time_unit, self.time_origin)
        if len(set(self.parts)) != len(self.parts):
            found.append(Problem("parts", "lists a part twice"))
        if found:
            raise SchemaError(found)
        return self

    @property
    def time_form(self) -> TimeForm:
        """The form that the column's times are written in."""
        return time_form(self.time_format, self.time_unit, self.time_origin, self.finer_times)


@declaration
class Text:
    """Free text, as pieces of byte-level BPE or of a SentencePiece unigram model with byte fallback.

    `vocabulary_size` counts the learned pieces; the 256 bytes come in addition. If there are more than
    `max_distinct` distinct texts, the model is learned on that many, chosen by a hash of the text.
    """

    name: Name
    model: Literal["bpe", "unigram"] = "bpe"
    vocabulary_size: Annotated[Whole, Constraint(ge=0, le=1 << 20)] = 2_000
    max_distinct: Annotated[Whole, Constraint(ge=1)] = 1_000_000
    type: Literal["text"] = "text"


@declaration
class Custom:
    """A field whose encoder comes from a plugin: `encoder` is its registered name, `options` its settings."""

    name: Name
    encoder: Annotated[str, Constraint(min_length=1)]
    options: dict[str, Option] = Constraint(default_factory=dict)
    type: Literal["custom"] = "custom"

    @model_validator(mode="after")
    def _consistent(self) -> Custom:
        found = list(_find_unwritable(self.options, "options"))
        if found:
            raise SchemaError(found)
        return self


def _find_unwritable(value: Any, path: str) -> Iterator[Problem]:
    """Find values that cannot be written in both TOML, which has no null, and JSON, which has no dates."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _find_unwritable(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _find_unwritable(item, f"{path}[{place}]")
    elif not isinstance(value, str | int | float):
        yield Problem(path, f"expected text, a number, true or false, or lists and tables of them, got {value!r}")


FieldSpec = Annotated[Categorical | Numeric | Timestamp | Text | Custom, Constraint(discriminator="type")]


@declaration
class Composite:
    """Learned tokens for field tokens that occur together (ActionPiece, arXiv 2502.13581).

    At most `vocabulary_size` composites of the tokens of `fields` (by default all) are learned, the heaviest
    first, and none lighter than `min_weight` expected adjacencies. With `across_events`, a composite can join
    neighbouring events. With `directed`, it records which part belongs to which event; only such composites can
    be decoded. Fitting uses at most `max_entities` entities, chosen by a hash of the entity key; fewer if these
    do not fit into its memory.
    """

    fields: Listed[str] | None = None
    vocabulary_size: Annotated[Whole, Constraint(ge=0, le=1 << 24)] = 4_000
    min_weight: Annotated[float, Constraint(ge=0)] = 2.0
    across_events: Flag = True
    directed: Flag = True
    max_entities: Annotated[Whole, Constraint(ge=1)] = 100_000
