"""Python values as columns: each is the value that a column of its type would hold, or it is refused."""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import partial
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from domaintoolkit.times.iso_text import FINER
from domaintoolkit.values.columns import OUTSIDE, plain, unify
from domaintoolkit.values.numbers import to_number
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.texts import invalid_unicode
from domaintoolkit.values.value_names import name_of

__all__ = ["Role", "as_column", "as_plain"]

Role = Literal["name", "number", "text", "custom", "other"]
"""The use of a column, which decides what its values become if they are of different types."""

_ALIKE = tuple(frozenset(kinds) for kinds in ((str,), (int,), (float,), (int, float), (bool,), (date,)))
"""Types whose values Arrow takes together, each as it is."""

_PLAIN = frozenset({str, int, float, bool, Decimal, date, datetime, timedelta, UUID})
_NESTED = (list, tuple, dict, set, frozenset, np.ndarray)
_UNLIKE = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""Errors of Arrow for values that do not make a column of one type."""


def as_column(values: Sequence[Any], role: Role = "other", cut: bool = False) -> Prepared:
    """Python values as a column of one type. Values of different types become text, or numbers if that is the role.

    None, pandas.NA, NaT and their like are null. It refuses text that is not Unicode, objects that are not one value,
    and times that are finer than a microsecond unless they are `cut`.
    """
    kinds = frozenset(map(type, values)) - {type(None)}
    if not kinds:
        return Prepared(pa.nulls(len(values)))
    if role == "custom" and (len(kinds) == 1 or all(issubclass(kind, _NESTED) for kind in kinds)):
        try:
            return Prepared(plain(pa.array(values)))
        except _UNLIKE:
            pass  # each is looked at below
    if any(kinds <= alike for alike in _ALIKE) or (kinds == {datetime} and _names_no_zone(values)):
        try:
            return unify(pa.array(values))
        except OverflowError:
            return _beyond_int64(values, kinds, role)
        except _UNLIKE:
            return _join(values, kinds, role, {})
    if all(issubclass(kind, _NESTED) for kind in kinds):
        try:
            return Prepared(plain(pa.array(values)))
        except _UNLIKE:
            pass  # each is refused below
    found, refused = _each(values, partial(as_plain, cut=cut))
    kinds = frozenset(map(type, found)) - {type(None)}
    return _join(found, kinds, role, refused)


def _names_no_zone(times: Sequence[datetime | None]) -> bool:
    return all(time is None or time.tzinfo is None for time in times)


def _beyond_int64(values: Sequence[Any], kinds: frozenset[type], role: Role) -> Prepared:
    try:
        return Prepared(pa.array(values, pa.uint64()))
    except _UNLIKE:
        return _join(values, kinds, role, {})


def _join(values: Sequence[Any], kinds: frozenset[type], role: Role, refused: dict[int, str]) -> Prepared:
    """Plain values as a column: by Arrow if it takes each as it is, otherwise by the role of the column."""
    if not _may_lose(values, kinds):
        try:
            return _add(unify(pa.array(values)), refused)
        except _UNLIKE:
            pass
    if role == "number":
        numbers, more = _each(values, to_number)
        return _add(Prepared(pa.array(numbers, pa.float64(), from_pandas=False)), {**more, **refused})
    found, more = _each(values, _text_only if role == "text" else _write_value)
    return _add(Prepared(pa.array(found, pa.string())), {**more, **refused})


def _may_lose(values: Sequence[Any], kinds: frozenset[type]) -> bool:
    """Return True if Arrow might change values: it takes Decimal(2) beside dates for a day, and cuts times beside them.

    Beside a time that names a zone, it reads all times as UTC.
    """
    if len(kinds) > 1:
        return not (kinds <= {int, float} or kinds <= {int, Decimal})
    return datetime in kinds and len({value.tzinfo is None for value in values if value is not None}) > 1


def _add(made: Prepared, refused: dict[int, str]) -> Prepared:
    return Prepared(made.values, sorted({**dict(made.refused), **refused}.items()))


def _each(values: Sequence[Any], convert: Callable[[Any], Any]) -> tuple[list[Any], dict[int, str]]:
    """(converted values with None for those that are refused, the reason for each of these)."""
    found, refused = [], {}
    for row, value in enumerate(values):
        try:
            found.append(None if value is None else convert(value))
        except ValueError as error:
            found.append(None)
            refused[row] = str(error)
        except Exception as error:
            found.append(None)
            refused[row] = f"a value of type {type(value).__name__} raises {type(error).__name__}"
    return found, refused


def _write_value(value: Any) -> str:
    return _unicode(name_of(value))


def _text_only(value: Any) -> str:
    if isinstance(value, str):
        return _unicode(value)
    raise ValueError(f"a value of type {type(value).__name__} is not text")


def _unicode(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"not valid Unicode: {error}") from None
    return text


def as_plain(value: Any, cut: bool = False) -> Any:
    """A value of one of Python's own types that is exactly `value`; None if it is missing.

    Scalars of NumPy, pandas and Arrow are taken by their value. Raises `ValueError` with the reason for what is not one
    value: a list, a set, an array, a tensor, a member of an Enum (but for those that are text or numbers themselves),
    and for times that are finer than a microsecond unless they are `cut`.
    """
    kind = type(value)
    if kind in _PLAIN or value is None:
        return value if kind is not datetime or value.tzinfo is None else _to_datetime(value)
    if isinstance(value, np.generic):
        return _from_numpy(value, cut)
    if value is np.ma.masked:
        return None
    if isinstance(value, pa.Scalar):
        return as_plain(value.as_py(), cut)
    if kind.__module__.partition(".")[0] == "pandas":
        return _from_pandas(value, cut)
    if isinstance(value, bytes | bytearray | memoryview):
        return _decode(bytes(value))
    if isinstance(value, time):
        if value.tzinfo is not None:
            raise ValueError(f"a time of day with a zone: {value.isoformat()}")
        return time(value.hour, value.minute, value.second, value.microsecond)
    for base, make in _BASES:
        if isinstance(value, base):
            return make(value)
    raise ValueError(_refusal(value))


def _to_datetime(value: datetime) -> datetime:
    """The same time in a zone of Python's own; other zones may fail, or have other offsets each time."""
    zone = value.tzinfo
    if zone is not None and type(zone) not in (timezone, ZoneInfo):
        zone = timezone(value.utcoffset() or timedelta())
    fields = (value.year, value.month, value.day, value.hour, value.minute, value.second, value.microsecond)
    return datetime(*fields, zone, fold=value.fold)


_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (Decimal, Decimal),
    (datetime, _to_datetime),
    (date, lambda value: date(value.year, value.month, value.day)),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
)
"""Types whose subclasses hold exactly such a value."""


def _from_numpy(value: np.generic[Any], cut: bool) -> Any:
    match value:
        case np.datetime64():
            return _from_datetime64(value, cut)
        case np.timedelta64() | np.complexfloating() | np.void():
            made = value.item() if isinstance(value, np.timedelta64) else None
            if isinstance(made, timedelta) or (isinstance(value, np.timedelta64) and np.isnat(value)):
                return made
            raise ValueError(_refusal(value))
        case np.bytes_():
            return _decode(bytes(value))
        case np.floating():
            number = float(value)
            if number != value and number == number:
                raise ValueError(f"{value} is finer than a 64-bit float")
            return number
    return value.item()


def _from_datetime64(value: np.datetime64, cut: bool) -> Any:
    if np.isnat(value):
        return None
    unit = np.datetime_data(value.dtype)[0]
    wanted = "D" if unit in ("Y", "M", "W", "D") else "us"
    micros = value.astype(f"datetime64[{wanted}]")
    finer = unit in ("ns", "ps", "fs", "as")
    if not (finer and cut) and micros.astype(value.dtype) != value:
        raise ValueError(f"{value} {FINER if finer else OUTSIDE}")
    made = micros.item()
    if not isinstance(made, date):
        raise ValueError(f"{value} {OUTSIDE}")
    return made


def _from_pandas(value: Any, cut: bool) -> Any:
    """The value of a scalar of pandas, which is not imported here: the names of its types are enough."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, datetime | timedelta):
        finer: int = getattr(value, "nanosecond", 0) or getattr(value, "nanoseconds", 0)
        if finer and not cut:
            raise ValueError(f"{value} {FINER}")
        return _to_datetime(value) if isinstance(value, datetime) else value.to_pytimedelta()  # type: ignore[attr-defined]
    raise ValueError(_refusal(value))


def _decode(value: bytes) -> str:
    if reason := invalid_unicode(value):
        raise ValueError(f"{reason}; write bytes as hexadecimal text")
    return value.decode()


def _refusal(value: Any) -> str:
    kind = type(value)
    if isinstance(value, enum.Enum):
        return f"a member of an Enum is not a value: {kind.__name__}.{value.name}; give its value or its name"
    hint = "; give its text or its start_time" if kind.__name__ == "Period" else ""
    if hasattr(kind, "item") and hasattr(kind, "shape"):
        hint = "; a tensor or array of one value becomes the value by item()"
    return f"a value of type {kind.__name__} is not text, a number or a time{hint}"
