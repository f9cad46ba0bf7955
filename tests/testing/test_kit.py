"""The kit: every contract holds for what is right, and a broken one is told with the smallest table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domaintoolkit.encoders import CATEGORICAL, Encoded, EncoderType
from domaintoolkit.errors import LookupFailedError
from domaintoolkit.schema import Categorical, Column, Custom, Domain, Numeric, Reader, Schema, Text, Timestamp
from domaintoolkit.testing import CheckResult, ContractError, cases, check_domain, check_table, run_checks
from domaintoolkit.testing.contracts import CONTRACTS
from domaintoolkit.tokenizer.encoder_types import BUILT_IN


@pytest.mark.slow
@given(cases())
def test_every_contract_holds_for_drawn_schemas(case: tuple[Schema, pa.Table, pa.Table]) -> None:
    check_table(*case)


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
    check_domain(ODD, events=50, examples=4)


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
    check_domain(DATED, events=60, examples=4)


@pytest.mark.slow
def test_an_entity_of_days_whose_events_are_told_apart_by_order_alone() -> None:
    table = dated_sample(4, 0)[0]
    tied = pa.Table.from_batches([table.take(pa.array([0, 0, 3]))])
    check_table(DATED.schema, tied.slice(0, 0), tied)
    check_table(DATED.schema, tied, tied)


@pytest.mark.slow
@pytest.mark.parametrize("field", [Categorical("a"), Text("a"), Numeric("a"), Timestamp("a", parts=("minute",))])
def test_a_single_field(field: Categorical | Text | Numeric | Timestamp) -> None:
    values = {"numeric": pa.array([1.5, None]), "timestamp": pa.array([0, None], pa.timestamp("us", "UTC"))}
    column = values.get(field.type, pa.array(["x", None]))
    table = pa.table({"user": [1, 1], "a": column})
    check_table(Schema(entity=("user",), fields=(field,)), table, table)


def small_sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """Users that go from page to page, one in five of which is a search."""
    pages = [["home", "cart", "search", "pay", "help"][(k * 3 + seed) % 5] for k in range(events)]
    times = pa.array([10**15 + k * 60_000_000 for k in range(events)], pa.timestamp("us", "UTC"))
    columns = {"user": pa.array([f"u{k % 7}" for k in range(events)]), "at": times, "page": pa.array(pages)}
    yield pa.RecordBatch.from_pydict(columns)


SMALL = Domain(
    "small",
    "pages",
    Schema(entity="user", time="at", fields=[Categorical("page"), Timestamp("at")]),
    Reader((Column("user"), Column("at", type="timestamp"), Column("page"))),
    small_sample,
)


def without_missing(self: Any, values: pa.Array) -> Encoded:
    """An encoder that forgets to count missing pages."""
    return replace(CATEGORICAL.encoder.encode(self, values), missing=0)


def broken_type(**methods: Any) -> EncoderType:
    other = type("Broken", (CATEGORICAL.encoder,), methods)

    def finalize(self: Any) -> Any:
        made = CATEGORICAL.state.finalize(self)
        return other(made.spec, made._levels, made._observed)

    return EncoderType("broken", type("State", (CATEGORICAL.state,), {"finalize": finalize}), other)


@pytest.mark.slow
def test_a_broken_encoder_is_told_with_the_smallest_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN, "categorical", broken_type(encode=without_missing))
    found = {result.contract: result for result in islice(run_checks(SMALL, events=40, examples=10), 5)}
    error = found["encoders"].error
    assert error is not None
    assert error.field == "page"
    assert error.rows is not None
    assert error.rows["page"].to_pylist() == [None]
    assert error.fit is not None
    assert len(error.fit) == 0
    assert "`encode` of 'page' returned missing=0 for 1 values" in str(error)
    assert not found["completeness"].is_checked
    with pytest.raises(ContractError, match="contract 'encoders'"):
        check_domain(SMALL, events=40, examples=10)


def unsteady_sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    return small_sample(events, next(COUNTER))


COUNTER = iter(range(10_000))


def results(domain: Domain) -> dict[str, CheckResult]:
    """Those of the sample, the reader and the recipe."""
    return {result.contract: result for result in islice(run_checks(domain, events=30, examples=1), 3)}


def test_a_sample_that_differs_ends_the_check() -> None:
    found = results(replace(SMALL, sample=unsteady_sample))
    assert "two samples of the same seed differ" in str(found["sample"].error)
    assert not any(found[name].is_checked for name in found if name != "sample")


def spaced_sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    for batch in small_sample(events, seed):
        yield batch.set_column(2, "page", pa.array([f" {page}" for page in batch["page"].to_pylist()]))


def test_a_reader_that_reads_something_else_is_told_by_its_first_value() -> None:
    reader = Reader((Column("user"), Column("at", type="timestamp"), Column("page", trim=True)))
    found = results(replace(SMALL, sample=spaced_sample, reader=reader))
    error = found["reader"].error
    assert "row 0 of 'page' is ' cart' in the sample, and is read from sample.csv as 'cart'" in str(error)


def test_a_recipe_that_train_would_refuse_is_found(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('preset = "huge"\n')
    found = results(replace(SMALL, recipe=tmp_path / "recipe.toml"))
    assert "'huge'" in str(found["recipe"].error)
    assert not results(SMALL)["recipe"].is_checked


def test_a_field_to_draw_must_exist() -> None:
    with pytest.raises(LookupFailedError, match="pages"):
        check_domain(SMALL, {"pages": st.just("home")})


@pytest.mark.slow
def test_an_encoder_that_is_not_installed_is_told_at_once() -> None:
    schema = Schema(entity="who", fields=[Custom("way", encoder="ways")])
    domain = Domain("odd", "", schema, Reader((Column("who"), Column("way"))), lambda events, seed: ())
    with pytest.raises(LookupFailedError, match="'ways'"):
        check_domain(domain)


def test_it_imports_neither_torch_nor_spark() -> None:
    code = (
        "import sys, domaintoolkit.testing as t; from domaintoolkit.registry import get_domain;"
        "from domaintoolkit.testing.domain_contracts import DOMAIN_CONTRACTS, DomainCase;"
        "[each.check(DomainCase(get_domain('ads'), 50)) for each in DOMAIN_CONTRACTS];"
        "print([name for name in ('torch', 'pyspark', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_broken_table_is_told_with_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN, "categorical", broken_type(encode=without_missing))
    table = pa.table({"user": [1], "page": pa.array([None], pa.string())})
    with pytest.raises(ContractError, match="missing=0") as caught:
        check_table(Schema(entity="user", fields=[Categorical("page", max_size=3)]), table, table)
    assert "max_size = 3" in caught.value.__notes__[0]


def unsteady_encode(self: Any, values: pa.Array) -> Encoded:
    """An encoder that counts a missing value once too often, the first time."""
    made = CATEGORICAL.encoder.encode(self, values)
    return replace(
        made, missing=made.missing + (MISTAKES.pop() if MISTAKES and made.missing and len(values) > 1 else 0)
    )


MISTAKES = [1]


def test_an_encoder_that_fails_at_some_times_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BUILT_IN, "categorical", broken_type(encode=unsteady_encode))
    error = next(each.error for each in run_checks(SMALL, events=20, examples=4) if each.error is not None)
    assert "not always, on the same tables" in str(error)
    assert "no memory of earlier calls" in str(error)


def wide_sample(events: int, seed: int) -> Iterator[pa.RecordBatch]:
    """The same with 40 more columns."""
    for batch in small_sample(events, seed):
        yield pa.RecordBatch.from_pydict({**batch.to_pydict(), **{f"x{k}": [k] * len(batch) for k in range(40)}})


@pytest.mark.slow
def test_a_wide_domain_gets_fewer_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    more = [f"x{k}" for k in range(40)]
    schema = replace(SMALL.schema, fields=(*SMALL.schema.fields, *(Categorical(name) for name in more)))
    reader = replace(SMALL.reader, columns=(*SMALL.reader.columns, *(Column(name, type="int64") for name in more)))
    monkeypatch.setattr("domaintoolkit.testing.kit.CONTRACTS", CONTRACTS[1:2])
    wide = replace(SMALL, schema=schema, reader=reader, sample=wide_sample)
    remarks = [each.remark for each in run_checks(wide, events=20, examples=50)]
    assert remarks[-1] == "the sample, 11 drawn tables"
