"""`Marginals`: how the values of each column of a table are distributed, and how long histories are."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from domaintoolkit.errors import SourceError

__all__ = ["Counter", "Marginal", "Marginals"]

Kind = Literal["category", "number", "time", "text", "key", "counter"]
Type = Literal["string", "int64", "float64", "bool", "timestamp", "date"]
Counter = Literal["event", "session", "line"]
"""A counter goes up with each event of an entity, with each session, or with each event of a session."""

FORMAT = "domaintoolkit marginals 1"


@dataclass(frozen=True)
class Marginal:
    """One column. Which of the fields have a meaning depends on its `kind`."""

    kind: Kind
    type: Type
    missing: float = 0.0
    """The share of null."""
    is_static: bool = False
    """True if an entity has one value."""
    values: tuple[Any, ...] = ()
    """Values that many entities have; words, in a text."""
    weights: tuple[float, ...] = ()
    """The share of each; what is left are values made up after `shape`, or between the `quantiles`."""
    shape: str = ""
    """Made-up values: `0` stands for a digit and `a` for a letter."""
    quantiles: tuple[float, ...] = ()
    """Of numbers; of the words of a text; of the seconds between two events."""
    decimals: int = 0
    counts: Counter = "event"
    first: int = 1
    """The first number of a counter, or of keys that are numbers."""
    start: int = 0
    """The first time, in microseconds since 1970."""
    span: int = 0
    """Microseconds from the first to the last time."""
    step: int = 1
    """All times are multiples of so many microseconds."""
    hours: tuple[float, ...] = ()
    """The shares of the hours of a day, if they are not equal."""


@dataclass(frozen=True)
class Marginals:
    """All columns of a table in their order, and its histories."""

    entity: tuple[str, ...]
    time: str | None
    session: str | None
    lengths: tuple[float, ...]
    """Quantiles of the number of events of an entity."""
    new_session: float = 0.0
    """The chance that an event later than the one before it begins a session."""
    columns: dict[str, Marginal] = field(default_factory=dict)

    def to_json(self) -> str:
        """The marginals as JSON text, from which `read` gives equal ones."""
        data = asdict(self)
        data["columns"] = {
            # only what differs from the default; `kind` and `type` have none, and are always there
            name: {key: value for key, value in column.items() if value != _DEFAULTS.get(key)}
            for name, column in data["columns"].items()
        }
        return json.dumps({"format": FORMAT, **data}, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, path: str | Path) -> Marginals:
        """The marginals in a JSON file; raises `SourceError` for another file."""
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
            if data.pop("format") != FORMAT:
                raise ValueError(f"its format is not {FORMAT!r}")
            columns = {name: Marginal(**_tuples(column)) for name, column in data.pop("columns").items()}
            return cls(columns=columns, **_tuples(data))
        except OSError as error:
            raise SourceError(str(path), error.strerror or str(error)) from None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise SourceError(str(path), f"does not hold marginals: {error}") from None


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in data.items()}


_DEFAULTS = {key: value for key, value in asdict(Marginal("category", "string")).items() if key not in ("kind", "type")}
