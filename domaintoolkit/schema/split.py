"""`Split`: the rule by which entities belong to training, validation and test."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, model_validator

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.schema.declaration import Listed, declaration

__all__ = ["Split"]


def _to_text(value: Any) -> Any:
    """Let dates and times of TOML and Python stand for their text."""
    return value.isoformat() if isinstance(value, date) else value


Cut = Annotated[str, BeforeValidator(_to_text)]


@declaration
class Split:
    """The split of each entity: that of its last event. Without this table, a hash of its key decides, 80:10:10.

    By time, entities whose last event is at or after `test_from` are for test, of the others those at or after
    `validation_from` are for validation, and the rest for training; so no training history holds a later event. By
    `column`, its values are listed in `train`, `validation` and `test`; without lists, they are those names.
    """

    validation_from: Cut | None = None
    test_from: Cut | None = None
    column: str | None = None
    train: Listed[str] = ()
    validation: Listed[str] = ()
    test: Listed[str] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Split:
        found = list(_find_problems(self))
        if found:
            raise SchemaError(found)
        return self

    @property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """The values of the column for training, validation and test."""
        listed = (tuple(self.train), tuple(self.validation), tuple(self.test))
        return listed if any(listed) else (("train",), ("validation",), ("test",))

    def cuts(self, zone: str) -> tuple[int, int] | None:
        """The times in µs from which entities are for validation and for test; None for a split by column.

        Times without a zone are in `zone`. Without one of both times, no entity is for that split.
        """
        if self.column is not None:
            return None
        first, last = (_to_instant(each, zone) for each in (self.validation_from, self.test_from))
        if last is None:
            # no time is so late
            last = (1 << 63) - 1
        return (last if first is None else first, last)


def _to_instant(text: str | None, zone: str) -> int | None:
    if text is None:
        return None
    time = datetime.fromisoformat(text)
    time = time.replace(tzinfo=ZoneInfo(zone)) if time.tzinfo is None else time
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _find_problems(split: Split) -> Iterator[Problem]:
    times = {"validation_from": split.validation_from, "test_from": split.test_from}
    given = {name: time for name, time in times.items() if time is not None}
    for name, time in given.items():
        try:
            datetime.fromisoformat(time)
        except ValueError:
            yield Problem(name, f"expected a date or a time in ISO 8601, such as '2024-03-01', got {time!r}")
    lists = {"train": split.train, "validation": split.validation, "test": split.test}
    if bool(given) == (split.column is not None):
        yield Problem("", "needs validation_from and test_from (or one of them) for a split by time, or column")
    if split.column is None and any(lists.values()):
        yield Problem("column", "is needed beside the lists of its values")
    seen: dict[str, str] = {}
    for name, values in lists.items():
        for value in values:
            if value in seen:
                yield Problem(name, f"the value {value!r} is listed in {seen[value]} already")
            seen.setdefault(value, name)
