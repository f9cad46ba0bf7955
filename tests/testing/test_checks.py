from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given

from domaintoolkit.registry import get_domain
from domaintoolkit.schema import Categorical, Column, Domain, Numeric, Reader, Schema, Text, Timestamp
from domaintoolkit.testing import cases, check_domain, check_table


@pytest.mark.slow
@given(cases())
def test_every_contract_holds_for_drawn_schemas(case: tuple[Schema, pa.Table, pa.Table]) -> None:
    check_table(*case)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecommerce", "finance", "ads"])
def test_first_party_domains(name: str) -> None:
    check_domain(get_domain(name), events=600, examples=8)


def odd_sample(events: int, seed: int) -> list[pa.RecordBatch]:
    """Rows of two entity columns whose order is all there is to tell when they were."""
    numbers = [(k * 7 + seed) % 11 for k in range(events)]
    columns = {
        "shop": [f"s{k % 2}" for k in numbers],
        "user": [k % 3 for k in numbers],
        "note 1": [None if k == 4 else "\0" * k for k in numbers],
        "note=2": ["" if k % 2 else f"[{k}]" for k in numbers],
        "note 3": [f"caf\u00e9 {k}" for k in numbers],
        "born": [2000 + k % 2 + 10 * (k % 3) for k in numbers],
    }
    columns["born"] = [2000 + u * 10 + int(s[1]) for u, s in zip(columns["user"], columns["shop"], strict=True)]
    return [pa.RecordBatch.from_pydict(columns)]


ODD = Domain(
    "odd",
    "several texts in a row, a static field, no time column, two entity columns",
    Schema(
        entity=("shop", "user"),
        fields=(Text("note 1"), Text("note=2", model="unigram", vocabulary_size=10), Text("note 3", vocabulary_size=0)),
        static=(Numeric("born", bins=2),),
    ),
    Reader(
        (
            Column("shop"),
            Column("user", type="int64"),
            Column("note 1"),
            Column("note=2"),
            Column("note 3"),
            Column("born", type="int64"),
        )
    ),
    odd_sample,
)


@pytest.mark.slow
def test_an_odd_domain() -> None:
    check_domain(ODD, events=50, examples=10)


def dated_sample(events: int, seed: int) -> list[pa.RecordBatch]:
    """Days, booleans, decimals, NaN and text to order by, in every role that a column can have."""
    numbers = pa.array([(k * 7 + seed) % 5 for k in range(events)])
    days = numbers.cast(pa.int32()).cast(pa.date32())
    columns = {
        "day": days,
        "member": pa.array([k % 2 == 0 for k in numbers.to_pylist()]),
        "at": pa.array(range(events)).cast(pa.timestamp("us", "UTC")),
        "rank": numbers.cast(pa.string()),
        "born": days,
        "price": numbers.cast(pa.int8()).cast(pa.decimal128(9, 2)),
        "share": pa.array([float("nan") if k == 3 else k / 2 for k in numbers.to_pylist()]),
        "visit": days,
        "bought": days,
    }
    return [pa.RecordBatch.from_pydict(columns)]


DATED = Domain(
    "dated",
    "days as keys, sessions, labels and static fields; text to order by; decimals; NaN",
    Schema(
        entity=("day", "member"),
        time="at",
        order_by=("rank",),
        static=(Timestamp("born", parts=("year",)),),
        fields=(Categorical("rank", values=("1",)), Numeric("price", bins=3, refine=2), Numeric("share", sign=True)),
        session="visit",
        labels=("bought",),
        min_events=2,
        max_events=3,
    ),
    Reader(
        (
            Column("day", type="date"),
            Column("member", type="bool"),
            Column("at", type="timestamp"),
            Column("rank"),
            Column("born", type="date"),
            Column("price", type="float64"),
            Column("share", type="float64"),
            Column("visit", type="date"),
            Column("bought", type="date"),
        )
    ),
    dated_sample,
)


@pytest.mark.slow
def test_a_domain_of_days() -> None:
    check_domain(DATED, events=60, examples=10)


@pytest.mark.slow
def test_an_entity_of_days_whose_events_are_told_apart_by_order_alone() -> None:
    table = dated_sample(4, 0)[0]
    tied = pa.Table.from_batches([table.take(pa.array([0, 0, 3]))])
    check_table(DATED.schema, tied.slice(0, 0), tied)
    check_table(DATED.schema, tied, tied)


@pytest.mark.parametrize("field", [Categorical("a"), Text("a"), Numeric("a"), Timestamp("a", parts=("minute",))])
def test_a_single_field(field: Categorical | Text | Numeric | Timestamp) -> None:
    values = {"numeric": pa.array([1.5, None]), "timestamp": pa.array([0, None], pa.timestamp("us", "UTC"))}
    column = values.get(field.type, pa.array(["x", None]))
    table = pa.table({"user": [1, 1], "a": column})
    check_table(Schema(entity=("user",), fields=(field,)), table, table)
