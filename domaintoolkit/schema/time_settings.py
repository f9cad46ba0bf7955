"""The settings of a declaration that say how times are written, and what can be wrong with them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic import Field as Constraint

from domaintoolkit.errors import Problem
from domaintoolkit.times.iso_text import parse_time
from domaintoolkit.times.patterns import time_pattern
from domaintoolkit.times.time_form import TimeFormat, Unit, formats_of

__all__ = ["Format", "TimeOrigin", "find_time_problems"]


def _spell_date(value: Any) -> Any:
    """Let a date or time of TOML or Python stand for its text."""
    return value.isoformat() if isinstance(value, date) else value


TimeOrigin = Annotated[str, BeforeValidator(_spell_date)]


def _check_formats(value: Any) -> Any:
    """Let a list of one format stand for the format."""
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("expected a format or a list of formats, got none")
        return value[0] if len(value) == 1 else tuple(value)
    return value


Format = Annotated[
    str | tuple[str, ...],
    BeforeValidator(_check_formats),
    Constraint(description="A format of times such as '%d.%m.%Y %H:%M', or several that are tried in their order."),
]


def find_time_problems(
    time_format: TimeFormat | None, time_unit: Unit | None, time_origin: str | None
) -> list[Problem]:
    """The problems of settings that say how times are written."""
    found = []
    if time_origin is not None:
        try:
            parse_time(time_origin)
        except ValueError as error:
            found.append(Problem("time_origin", str(error)))
    if time_format is None:
        return found
    if time_unit is not None:
        found.append(Problem("time_unit", "is for numbers, and time_format for text: give one of them"))
    try:
        patterns = [time_pattern(each) for each in formats_of(time_format)]
    except ValueError as error:
        return [*found, Problem("time_format", str(error))]
    dateless = [pattern.text for pattern in patterns if not pattern.has_date]
    if dateless and time_origin is None:
        found.append(
            Problem(
                "time_format",
                f"{dateless[0]!r} has no date: name the columns of date and time in time_join, or give the date that "
                "the times count from as time_origin",
            )
        )
    if not dateless and time_origin is not None:
        found.append(Problem("time_origin", "is not used: the times of time_format have a date"))
    return found
