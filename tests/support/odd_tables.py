"""Malformed inputs for the library: only its own errors may come out, and every way in gives the same answer.

`python tests/support/odd_tables.py 100000 --seed 7` tries so many, and prints each that fails with its number; the
number with `--only` tries it alone.
"""

from __future__ import annotations

import argparse
import enum
import math
import random
import sys
import time as clock
import traceback
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from domaintoolkit import DomainTokenizer
from domaintoolkit.errors import DomainToolkitError
from domaintoolkit.schema import Categorical, Numeric, Schema, Text, Timestamp

__all__ = ["try_inputs"]

PER_FIT = 20
"""Inputs that are tried on one fitted tokenizer."""


class Letter(enum.Enum):
    A = "a"


class Number(enum.IntEnum):
    ONE = 1


class Word(enum.StrEnum):
    A = "a"


class Bits(enum.Flag):
    A = 1


class Shout(str):
    __slots__ = ()

    def encode(self, *_: object) -> bytes:
        raise RuntimeError("encode")

    def __str__(self) -> str:
        raise RuntimeError("str")


class Wrong:
    """An object whose every method fails."""

    def _fail(self, *_: object) -> Any:
        raise RuntimeError("this object fails")

    __eq__ = __ne__ = __bool__ = __str__ = __repr__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _fail
    __hash__ = _fail  # type: ignore[assignment]


class Nowhere(tzinfo):
    """A time zone that fails."""

    def utcoffset(self, _: datetime | None) -> timedelta:
        raise RuntimeError("nowhere")

    def dst(self, _: datetime | None) -> timedelta:
        raise RuntimeError("nowhere")

    def tzname(self, _: datetime | None) -> str:
        raise RuntimeError("nowhere")


ODD: tuple[Any, ...] = (
    None, pd.NA, pd.NaT, np.datetime64("NaT"), np.timedelta64("NaT"), math.nan, math.inf, -math.inf, -0.0, 5e-324,
    2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 10**5000, True, False, 0, 1, 7.0, 1e16, 1.5,
    "", " ", "a", "007", "7", "nan", "1e400", "0x1F", "true", "\ud800", "a\udfff", "\0", "x" * 3000,
    "2024-01-01T24:00",
    "2024-03-31 02:30", "0000-01-01", "2024-01-01T10:00+05:30", b"a", b"\xff", bytearray(b"a"), memoryview(b"ab"),
    Decimal("1.50"), Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1E+999999"), Decimal("-0E-50"),
    date.min, date.max, date(2024, 1, 1), datetime.min, datetime.max, datetime(2024, 1, 1, 10, tzinfo=UTC),
    datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    datetime.max.replace(tzinfo=timezone(-timedelta(hours=14))),
    datetime(2024, 3, 31, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2024, 1, 1, tzinfo=Nowhere()),
    time(1, 2), time(1, tzinfo=UTC), timedelta(1), timedelta.max, UUID(int=5), Fraction(1, 3), 1j, Ellipsis,
    Letter.A, Number.ONE, Word.A, Bits.A, Shout("a"), Wrong(), Wrong, len, [1], [], (1, 2), {1}, {"a": 1},
    frozenset({1}),
    np.array(1), np.array([1]), np.array([[1]]), np.int8(1), np.uint64(2**64 - 1), np.float16(0.1), np.float32(0.1),
    np.longdouble("0.1"), np.bool_(True), np.str_("a"), np.bytes_(b"a"), np.complex64(1), np.void(b"a"),
    np.timedelta64(1, "s"),
    np.datetime64("2024"), np.datetime64("2024-01"), np.datetime64("2024-01-01T00:00:00.123456789"),
    np.datetime64(2**40, "D"),
    np.datetime64(1, "as"), np.datetime64(2**62, "s"), np.datetime64(3, "W"),
    pd.Timestamp("2024-01-01T00:00:00.123456789"),
    pd.Timestamp("2024-01-01", tz="Asia/Tokyo"), pd.Timedelta(1, "ns"), pd.Period("2024-01"), pd.Interval(0, 1),
    pd.Series([1]),
    pl.Series([1]), pa.scalar(1), pa.scalar(None), pa.scalar("a"), pa.scalar(2**62, pa.timestamp("s")), pa.array([1]),
    pa.scalar(b"12345678" * 2, pa.uuid()), pa.MonthDayNano([1, 2, 3]),
)  # fmt: skip
GOOD: dict[str, tuple[Any, ...]] = {
    "name": ("a", "b", "c.d", "7"), "number": (1.5, 2.0, -3.0, 0.0), "text": ("one two", "three", ""),
    "time": ("2024-01-01T10:00", "2024-01-02", "2024-01-01T10:00:05"), "count": (1, 2, 3),
    "date": (date(2024, 1, 1), date(2023, 5, 5)), "moment": (datetime(2024, 1, 1, 5), datetime(2024, 1, 2)),
    "decimal": (Decimal("1.50"), Decimal(2)), "flag": (True, False),
}  # fmt: skip
COLUMNS: tuple[Any, ...] = (
    None, 5, "tea", b"tea", {"a", "b"}, {"a": 1}, [], (1, 2), range(3), np.zeros((2, 2)), np.array(5),
    np.zeros(2, complex),
    np.zeros(2, [("a", int)]), np.array(["2024-01", "NaT"], "datetime64[M]"), np.array([b"\xff", b"a"]),
    pd.Series([1, None]),
    pd.Series(pd.period_range("2024-01", periods=2, freq="M")), pd.Series(pd.interval_range(0, 2)),
    pd.Series([1j, 2j]),
    pd.Series(pd.arrays.SparseArray([0, 1])), pd.Series(["a", "b"], dtype="category"), pd.Index(["a", "b"]),
    pd.date_range("2024", periods=2, tz="Asia/Tokyo"), pl.Series([1, 2], dtype=pl.Int128), pl.Series([[1], [2]]),
    pl.Series([time(1), None]), pl.Series([timedelta(1), None]), pl.Series(["a", "b"], dtype=pl.Categorical),
    pl.Series([b"\xff", b"a"]), pl.Series([Decimal("1.5"), None]), pa.array([[1], [2]]), pa.array([{"a": 1}, None]),
    pa.array([2**31 - 1, 0], pa.int32()).cast(pa.date32()), pa.array([2**62, 0]).cast(pa.timestamp("s")),
    pa.array([2**62, 0]).cast(pa.duration("s")), pa.array([1, 0]).cast(pa.time64("ns")),
    pa.array([UUID(int=1), None]),
    pa.array([b"ab", b"\xff\xff"], pa.binary(2)), pa.array([Decimal("1.5"), None], pa.decimal32(5, 2)),
    pa.array([pa.MonthDayNano([1, 2, 3]), None]), pa.array([2**64 - 1, 0], pa.uint64()), pa.nulls(2),
    pa.chunked_array([], pa.int8()),
    pa.array(["a", None]).dictionary_encode(), pa.array([b"\xff", None]).dictionary_encode(),
    pa.array(["a", "b"], pa.string_view()),
    pa.RunEndEncodedArray.from_arrays([1, 2], ["a", "b"]), pa.UnionArray.from_dense(pa.array([0, 1], pa.int8()),
    pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]), pa.ExtensionArray.from_storage(pa.bool8(),
    pa.array([0, 2], pa.int8())),
    pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}", None])), memoryview(b"ab"), bytearray(b"ab"),
    Wrong(), {}.values(),
    [Wrong(), Wrong()], [math.nan, "a"], [date(2024, 1, 1), datetime(2024, 1, 1, 5)], [1, 2**70], [2**63, 1],
    [True, 1], [b"a", "b"],
    [1, 0.5, 2**60 + 1], [Decimal(1), 0.5], [datetime(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)], [[1], 2],
    [np.array([1])] * 2,
)  # fmt: skip
TABLES: tuple[Any, ...] = (
    None, 5, "text", b"", object(), Wrong(), [], [[]], [None], [{}], [{}, 5], {}, {1: [1]}, {"u": []}, (),
    np.zeros(2),
    np.zeros(2, [("u", int)]), pd.Series([1]), pd.DataFrame(), pd.DataFrame([[1, 2]], columns=["u", "u"]),
    pl.DataFrame(),
    pl.LazyFrame({"u": [1]}), pl.Series([1]), pa.table({}), pa.array([1]), pa.array([{"u": 1}]), iter([]), len,
    Letter, 1.5,
)  # fmt: skip
IDS: tuple[Any, ...] = (
    None, 5, "text", [], [[]], [[1], [2]], [[1], [2, 3]], [-1], [2**40], [1.5], [math.nan], ["a"], [None], [True],
    np.zeros((2, 2), int),
    np.zeros(0), np.array([1], object), {1}, {"a": 1}, Wrong(), range(4), pa.array([1]), [2**64], b"ab", [1j],
)  # fmt: skip
OFFSETS: tuple[Any, ...] = (
    None, [0], [], [0, 1], [1, 0], [0, -1], [0, 10**6], [0.5, 2], ["a"], [None, 1], [[0, 1]], 5, "text",
    [0, 2**70], Wrong(), [0, 0, 0],
)  # fmt: skip


def _schema(draw: random.Random) -> tuple[Schema, dict[str, str]]:
    """A schema, and the kind of values that suit each of its columns."""
    kinds = {"u": draw.choice(["name", "count", "date", "decimal"])}
    fields: list[Any] = []
    for name in "fgh"[: draw.randint(1, 3)]:
        make = draw.choice([Categorical, Categorical, Numeric, Text, Timestamp])
        if make is Categorical:
            fields.append(
                Categorical(name, unseen=draw.choice(["spell", "hash"]), hash_buckets=3, max_size=draw.choice([1, 9]))
            )
            kinds[name] = draw.choice(["name", "count", "date", "moment", "decimal", "flag", "number"])
        elif make is Numeric:
            fields.append(Numeric(name, bins=3, sign=draw.random() < 0.5))
            kinds[name] = draw.choice(["number", "count", "decimal", "flag"])
        elif make is Text:
            fields.append(Text(name, vocabulary_size=5))
            kinds[name] = "text"
        else:
            fields.append(Timestamp(name, parts=("weekday",), zone=draw.choice(["UTC", "Europe/Berlin"])))
            kinds[name] = draw.choice(["time", "date", "moment"])
    timed = draw.random() < 0.6
    if timed:
        kinds["t"] = draw.choice(["time", "date", "moment"])
        if draw.random() < 0.7:
            fields.append(Timestamp("t"))
    chosen = {name: draw.random() < 0.3 for name in ("l", "o", "e", "s")}
    kinds |= {name: draw.choice(["name", "count", "date", "decimal"]) for name, there in chosen.items() if there}
    schema = Schema(
        entity=("u",), time="t" if timed else None, fields=tuple(fields), labels=("l",) if chosen["l"] else (),
        order_by=("o",) if chosen["o"] else (), session="e" if chosen["e"] else None,
        static=(Categorical("s"),) if chosen["s"] else (), zone=draw.choice(["UTC", "Europe/Berlin"]),
    )  # fmt: skip
    return schema, kinds


def _rows(draw: random.Random, kinds: dict[str, str], odd: float) -> list[dict[str, Any]]:
    """Rows of few entities; so many of their values are odd."""
    static = draw.choice(GOOD[kinds["s"]]) if "s" in kinds else None
    rows = []
    for _ in range(draw.randint(1, 5)):
        row = {name: draw.choice(ODD if draw.random() < odd else GOOD[kind]) for name, kind in kinds.items()}
        if "s" in kinds and draw.random() > odd:
            row["s"] = static
        rows.append(row)
    return rows


def _table(draw: random.Random, rows: list[dict[str, Any]]) -> Any:
    """The rows as a table of some kind, sometimes with a column that is not one."""
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    if draw.random() < 0.3:
        columns[draw.choice(list(columns))] = draw.choice(COLUMNS)
    # Arrow's own conversion ends the process for some lists of these; the library does not use it for them
    crash_arrow = any(
        any(isinstance(value, np.datetime64) for value in values)
        and any(isinstance(value, Decimal) for value in values)
        for values in columns.values()
        if isinstance(values, list)
    )
    made: list[Callable[[], Any]] = [
        lambda: columns,
        lambda: pa.table(columns) if not crash_arrow else columns,
        lambda: pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()}),
        lambda: pd.DataFrame(columns),
        lambda: pl.DataFrame(columns, strict=False),
        lambda: pl.DataFrame({name: pl.Series(name, values, dtype=pl.Object) for name, values in columns.items()}),
    ]
    try:
        return draw.choice(made)()
    except BaseException:
        return columns


def _same(first: Any, second: Any) -> bool:
    return isinstance(first, str) == isinstance(second, str) and (
        isinstance(first, str) or np.array_equal(first, second)
    )


def _outcome(call: Callable[[], Any]) -> Any:
    """The result, or the error as text if it is one of the library's own."""
    try:
        return call()
    except DomainToolkitError as error:
        return f"{type(error).__name__}: {error}"


def _try_rows(tokenizer: DomainTokenizer, rows: list[dict[str, Any]]) -> None:
    """One history in several ways."""
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    found = _outcome(lambda: tokenizer.encode_entity(rows))
    whole = _outcome(lambda: tokenizer.encode(rows))
    listed = _outcome(lambda: tokenizer.encode(columns))
    ids, other = (each if isinstance(each, str) else each.ids for each in (whole, listed))
    if not _same(ids, other):
        raise AssertionError(f"rows give {ids!s:.300} and columns {other!s:.300}")
    if not isinstance(whole, str):
        if len(whole) == 1 and not _same(whole[0], found):
            raise AssertionError(f"a table gives {whole[0]}, and encode_entity {found!s:.300}")
        again = tokenizer.encode(tokenizer.decode(whole))
        if not np.array_equal(again.ids, whole.ids):
            raise AssertionError(f"decoded rows encode to {again.ids}, not to {whole.ids}")
        refused = whole.counts.rows_in - whole.events
        if refused:
            raise AssertionError(f"{refused} rows are gone")


def _try_input(draw: random.Random, tokenizer: DomainTokenizer, kinds: dict[str, str]) -> None:
    odd = draw.choice([0.0, 0.1, 0.5])
    rows = _rows(draw, kinds, odd)
    way = draw.randrange(8)
    if way <= 2:
        entity = rows[0]["u"]
        _try_rows(tokenizer, [{**row, "u": entity} for row in rows])
    elif way == 3:
        table = _table(draw, rows)
        _outcome(lambda: tokenizer.encode(table, on_bad_rows="quarantine"))
        _outcome(lambda: tokenizer.encode_entity(table))
    elif way == 4:
        streams = _outcome(lambda: tokenizer.encode(rows, on_bad_rows="quarantine"))
        ids = draw.choice(IDS) if isinstance(streams, str) or draw.random() < 0.5 else streams.ids.copy()
        if isinstance(ids, np.ndarray) and ids.ndim == 1 and len(ids) and ids.dtype != object:
            ids[draw.randrange(len(ids))] = draw.randrange(2 * len(tokenizer.vocabulary))
        offsets, entities = draw.choice(OFFSETS), draw.choice([None, None, *TABLES[:8], pa.table({"u": [1]})])
        _outcome(lambda: tokenizer.decode(ids, offsets, entities))
    elif way == 5:
        table = draw.choice(TABLES)
        for call in (tokenizer.encode, tokenizer.encode_entity):
            _outcome(lambda call=call: call(table))  # type: ignore[misc]
    elif way == 6:
        mixed = [draw.choice([row, row, {}, {1: 2}, None, 5]) for row in rows]
        for call in (tokenizer.encode, tokenizer.encode_entity):
            _outcome(lambda call=call: call(mixed))  # type: ignore[misc]
    else:
        _outcome(
            lambda: DomainTokenizer(tokenizer.schema, threads=1).fit_encode(
                _table(draw, rows), on_bad_rows="quarantine"
            )
        )


def try_inputs(count: int, seed: int = 0, only: int | None = None) -> Iterator[str]:
    """Try `count` inputs, or only those of one number.

    Gives each that raises an error of another kind than the library's own, or that two ways in answer differently.
    """
    numbers = range(0, count, PER_FIT) if only is None else [only]
    for number in numbers:
        draw = random.Random(f"{seed} {number}")
        schema, kinds = _schema(draw)
        tokenizer: Any = None
        for _ in range(PER_FIT):
            state = draw.getstate()
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    if tokenizer is None:
                        rows = [row for _ in range(3) for row in _rows(draw, kinds, draw.choice([0.0, 0.0, 0.2]))]
                        table = rows if draw.random() < 0.7 else _table(draw, rows)
                        made = DomainTokenizer(schema, threads=1)
                        fitted = _outcome(lambda made=made, table=table: made.fit(table, on_bad_rows="quarantine"))
                        tokenizer = None if isinstance(fitted, str) else fitted
                    else:
                        _try_input(draw, tokenizer, kinds)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt | GeneratorExit):
                    raise
                draw.setstate(state)
                said = "".join(traceback.format_exception(error, limit=-4))
                yield f"number {number} (seed {seed}): {said}"
                draw = random.Random(f"{seed} {number} {said}")


def main() -> None:
    """Try the inputs that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    start, failed = clock.perf_counter(), 0
    for failure in try_inputs(given.count, given.seed, given.only):
        failed += 1
        print(failure, flush=True)
    print(f"{given.count:,} inputs in {clock.perf_counter() - start:.0f} s, {failed:,} failures")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
