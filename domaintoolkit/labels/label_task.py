"""`LabelTask`: the rows and values of one target, and the kind of thing that it is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.values.texts import is_text
from domaintoolkit.values.value_names import write_names

__all__ = ["Kind", "LabelTask", "find_task", "read_numbers"]

Kind = Literal["binary", "multiclass", "regression"]

MISSING = ("nan", "na", "n/a", "#n/a", "<na>", "null", "none", "nat", "?", "-", ".")
"""Words for a missing value in a column of numbers, in small letters."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelTask:
    """One target: a row for each label row that has a value of it."""

    name: str
    kind: Kind
    classes: tuple[str, ...]
    """The names of the classes in their order; of a binary target the second is the positive one. None of numbers."""
    rows: NDArray[np.int64]
    """(n,) the row of the label table of each value, rising."""
    values: NDArray[np.float64]
    """(n,) the number of the class, or the value."""

    @property
    def codes(self) -> NDArray[np.int64]:
        """(n,) the number of each class."""
        return self.values.astype(np.int64)


def find_task(
    name: str, target: pa.Array, rows: NDArray[np.int64], kind: Kind | None = None, positive: str | None = None
) -> LabelTask:
    """The task of a target's values (n,) in these rows of the label table; null does not count, nor NaN, a blank
    text, or among numbers a word such as NA.

    Numbers of more than two values, also as texts, are a regression; two values are a binary target; texts of more are
    classes. `kind` decides otherwise. Of two classes the positive one is
    `positive`, or the one that sorts last: 1 after 0, true after false, yes after no.

    Raises `DataError` if a regression has values that are not finite numbers or a binary target other than two classes,
    and `LookupFailedError` for an unknown class.
    """
    target = _null_missing(target)
    there = np.asarray(target.is_valid())
    values, rows = target.filter(pa.array(there)), rows[there]
    numbers = None if kind == "multiclass" else read_numbers(values)
    if numbers is None and (kind == "regression" or (kind is None and _holds_numbers(values.type))):
        raise DataError([_first_text(values, rows, name)])
    distinct = np.unique(numbers) if numbers is not None else np.zeros(0)  # (classes,) rising
    if numbers is not None and kind != "binary" and (kind == "regression" or not _is_binary(distinct)):
        return LabelTask(name, "regression", (), rows, numbers)
    names = _names(values)
    if numbers is not None and _is_binary(distinct):
        # 1 and 1.0 are one class
        ordered = [_show(number) for number in (distinct if len(distinct) == 2 else (0.0, 1.0))]
        codes = np.searchsorted(np.array([float(text) for text in ordered]), numbers)
    else:
        ordered = _sort_names(pc.unique(names).to_pylist())
        codes = np.asarray(pc.index_in(names, value_set=pa.array(ordered, pa.string()))).astype(np.int64)
    found: Kind = "multiclass" if kind == "multiclass" or len(ordered) != 2 else "binary"
    if kind == "binary" and len(ordered) != 2:
        reason = f"target {name!r} has {_count(ordered)}, and a binary target has two"
        raise DataError([Refusal(None, None, reason)])
    if positive is not None and found == "binary":
        first = _find_class(positive, ordered)
        if first == 0:
            ordered, codes = ordered[::-1], 1 - codes
    return LabelTask(name, found, tuple(ordered), rows, codes.astype(np.float64))


def _null_missing(target: pa.Array) -> pa.Array:
    """The target with null for NaN, for blank texts, and for words such as NA if all other texts are numbers."""
    if pa.types.is_floating(target.type):
        return pc.if_else(pc.is_nan(target), pa.scalar(None, target.type), target)
    if not is_text(target.type):
        return target
    words = pc.utf8_lower(pc.utf8_trim_whitespace(target.cast(pa.string())))
    none = pa.scalar(None, target.type)
    blank = pc.equal(words, "")
    others = pc.is_in(words, value_set=pa.array(MISSING))
    if pc.any(others).as_py():
        rest = target.filter(pc.invert(pc.or_(pc.fill_null(blank, True), others)))
        if len(rest) > rest.null_count and read_numbers(rest.drop_null()) is not None:
            blank = pc.or_(blank, others)
    return pc.if_else(pc.fill_null(blank, False), none, target)


def _is_binary(distinct: NDArray[np.float64]) -> bool:
    # 0 or 1 alone is a binary target whose other class is missing
    return len(distinct) == 2 or set(distinct) <= {0.0, 1.0}


def _count(names: list[str]) -> str:
    """The number of classes, and a few of them."""
    some = ", ".join(repr(name) for name in names[:5]) + (", ..." if len(names) > 5 else "")
    return f"{len(names)} class{'' if len(names) == 1 else 'es'} ({some})" if names else "no values"


def _find_class(positive: str, ordered: list[str]) -> int:
    """The number of a class as a user names it: 1.0 is 1. Raises `LookupFailedError` if there is none such."""
    for number, name in enumerate(ordered):
        with suppress(ValueError):
            if name == positive.strip() or float(name) == float(positive):
                return number
    raise LookupFailedError("class", positive, ordered)


def read_numbers(values: pa.Array) -> NDArray[np.float64] | None:
    """(n,) the values as finite numbers; None if one of them is not."""
    if is_text(values.type):
        try:
            values = pc.utf8_trim_whitespace(values).cast(pa.float64())
        except pa.ArrowInvalid:
            return None
    if not _holds_numbers(values.type):
        return None
    numbers = np.asarray(values.cast(pa.float64()), np.float64)
    return numbers if np.isfinite(numbers).all() else None


def _holds_numbers(kind: pa.DataType) -> bool:
    test = pa.types
    return bool(test.is_integer(kind) or test.is_floating(kind) or test.is_decimal(kind) or test.is_boolean(kind))


def _names(values: pa.Array) -> pa.Array:
    if is_text(values.type):
        return pc.utf8_trim_whitespace(values.cast(pa.string()))
    return write_names(values).cast(pa.string())


def _show(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(float(number))


def _sort_names(names: list[str]) -> list[str]:
    """The names in the order of their numbers, if all are; otherwise as texts."""
    try:
        return sorted(names, key=float)
    except ValueError:
        return sorted(names)


def _first_text(values: pa.Array, rows: NDArray[np.int64], name: str) -> Refusal:
    texts = _names(values).to_pylist()
    for row, text in zip(rows.tolist(), texts, strict=True):
        if read_numbers(pa.array([text])) is None:
            return Refusal(row, None, f"expected a finite number as the target {name!r} of a regression, got {text!r}")
    return Refusal(None, None, f"the target {name!r} of a regression is not a number")
