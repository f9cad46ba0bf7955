"""The conformance kit: every contract, on a domain or on one table; each broken one with the smallest table found."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domaintoolkit.composite import interpret
from domaintoolkit.encoders import Encoder, EncoderType, State
from domaintoolkit.errors import LookupFailedError, cause, pluralize
from domaintoolkit.schema import Custom, Domain, Schema
from domaintoolkit.streams import Streams
from domaintoolkit.testing.contract_error import ContractError
from domaintoolkit.testing.contracts import COMPOSITES, CONTRACTS, Contract, ContractCase
from domaintoolkit.testing.domain_contracts import (
    DOMAIN_CONTRACTS,
    SAMPLE,
    DomainCase,
    DomainContract,
    NotApplicableError,
)
from domaintoolkit.testing.encoder_contract import CONTRACT as ENCODERS
from domaintoolkit.testing.sample_values import sample_values
from domaintoolkit.testing.strategies import edge_values, tables
from domaintoolkit.tokenizer.encoder_types import encoder_types

__all__ = ["CheckResult", "check_domain", "check_table", "run_checks"]

Strategies = Mapping[str, st.SearchStrategy[Any]]

SHRINKING = 10.0
"""Seconds spent on a smaller table that shows a broken contract."""

WIDE, FEWEST = 10, 8
"""Of a domain with more columns, so many times fewer tables are drawn, but not below the fewest."""


@dataclass(frozen=True)
class CheckResult:
    """One contract of a domain: the seconds that it took, and the error if it is broken."""

    contract: str
    promise: str
    seconds: float
    error: ContractError | None = None
    remark: str = ""
    """Tables that were checked, or the reason why the contract was not."""
    is_checked: bool = True

    @property
    def holds(self) -> bool:
        """True unless the contract is broken."""
        return self.error is None


def check_domain(
    domain: Domain,
    custom: Strategies | None = None,
    *,
    events: int = 2_000,
    examples: int = 16,
    encoders: Iterable[EncoderType] = (),
) -> None:
    """Check every contract of a domain: on its sample, and on `examples` drawn tables.

    The tables have values of the sample, edge values, and for the fields that `custom` names values of those
    strategies. `encoders` are those of `Custom` fields that are not installed. Raises `ContractError` for the first
    contract that is broken, with the smallest table found that shows it.
    """
    for result in run_checks(domain, custom, events=events, examples=examples, encoders=encoders):
        if result.error is not None:
            raise result.error


def run_checks(
    domain: Domain,
    custom: Strategies | None = None,
    *,
    events: int = 2_000,
    examples: int = 16,
    encoders: Iterable[EncoderType] = (),
) -> Iterator[CheckResult]:
    """The same contract by contract, and all of them: a broken contract does not end the others.

    All contracts are checked on the same tables, since drawing and fitting them takes longest. If the sample or an
    encoder is at fault, the contracts that build on it are not checked. Raises `PluginError` or `LookupFailedError` if
    the encoder of a `Custom` field is not there.
    """
    own = tuple(encoders)
    encoder_types(domain.schema, own)
    unknown = sorted(set(custom or {}) - set(domain.schema.columns))
    if unknown:
        raise LookupFailedError("column to draw", unknown[0], domain.schema.columns)
    whole = DomainCase(domain, events, own)
    fault = None
    for each in DOMAIN_CONTRACTS:
        if fault is None:
            result = _check_domain_contract(each, whole)
            fault = "the sample comes first" if not result.holds and each.name == SAMPLE else None
            yield result
        else:
            yield _not_checked(each.name, each.promise, fault)
    if fault is None:
        half = whole.table.slice(0, len(whole.table) // 2)
        case = ContractCase(domain.schema, half, whole.table, own)
        drawn = _draw_cases(case, custom or {}, examples)
    for contract in CONTRACTS:
        if fault is None:
            result = _check_contract(contract, case, drawn)
            fault = "the encoders come first" if not result.holds and contract.name == ENCODERS else None
            yield result
        else:
            yield _not_checked(contract.name, contract.promise, fault)


def check_table(schema: Schema, fit: pa.Table, rows: pa.Table, encoders: Iterable[EncoderType] = ()) -> Streams:
    """Check every contract of one schema, fitted on one table and encoding another; return the streams.

    Raises `ContractError` for the first that is broken.
    """
    case = ContractCase(schema, fit, rows, tuple(encoders))
    for contract in CONTRACTS:
        try:
            _check(contract, case)
        except ContractError as error:
            error.add_note(f"the schema:\n{schema.to_toml()}")
            raise
    return case.streams


def _not_checked(name: str, promise: str, reason: str) -> CheckResult:
    return CheckResult(name, promise, 0.0, None, f"not checked: {reason}", False)


def _check_domain_contract(contract: DomainContract, case: DomainCase) -> CheckResult:
    start = perf_counter()
    error, remark, is_checked = None, "", True
    try:
        remark = contract.check(case)
    except NotApplicableError as reason:
        remark, is_checked = f"not checked: {reason}", False
    except ContractError as broken:
        error = broken
    except Exception as other:
        error = _describe(contract.name, other)
    return CheckResult(contract.name, contract.promise, perf_counter() - start, error, remark, is_checked)


def _check_contract(contract: Contract, case: ContractCase, drawn: list[ContractCase]) -> CheckResult:
    """Check drawn tables first, since what they show is small; then the sample."""
    start = perf_counter()
    # fewer tables for contracts that take longer
    some = drawn[: max(1, len(drawn) // contract.cost)]
    with _interpret(contract):
        error = next(filter(None, (_find(contract, each) for each in (*some, case))), None)
        if error is not None:
            error = _make_smaller(contract, case, error) if _find_again(contract, case, error) else _unsteady(error)
    remark = f"the sample, {pluralize(len(some), 'drawn table')}"
    return CheckResult(contract.name, contract.promise, perf_counter() - start, error, remark)


def _interpret(contract: Contract) -> AbstractContextManager[None]:
    """Compiling the loops of composites takes a minute, and interpreting them on some rows seconds."""
    if contract.name != COMPOSITES:
        return nullcontext()
    return interpret()


def _find_again(contract: Contract, case: ContractCase, error: ContractError) -> bool:
    """True if the tables of an error show one once more."""
    assert error.fit is not None
    assert error.rows is not None
    return _find(contract, replace(case, fit=error.fit, rows=error.rows)) is not None


def _unsteady(error: ContractError) -> ContractError:
    reason = f"broken at some times, not always, on the same tables: {error.reason}"
    advice = "let tokens depend on nothing but the values: no clock, no random numbers, no memory of earlier calls"
    return ContractError(error.contract, reason, error.field, advice)


def _drawn_values(schema: Schema, sample: pa.Table, custom: Strategies) -> Strategies:
    """The values of each column: those of the sample, and for all but `Custom` fields edge values too."""
    specs = {spec.name: spec for spec in (*schema.static, *schema.fields)}
    drawn = {}
    for name, own in sample_values(sample, specs).items():
        kind = sample.schema.field(name).type
        drawn[name] = own if isinstance(specs[name], Custom) else own | edge_values(specs[name], kind)
    return drawn | dict(custom)


def _draw_cases(case: ContractCase, custom: Strategies, examples: int) -> list[ContractCase]:
    """`examples` pairs of drawn tables; fewer for a wide domain, whose tables each show more."""
    schema = case.schema
    types = {name: case.rows.schema.field(name).type for name in schema.columns}
    table = tables(schema, types=types, custom=_drawn_values(schema, case.rows, custom))
    count = max(min(examples, FEWEST), examples * WIDE // max(WIDE, len(schema.columns)))
    drawn: list[ContractCase] = []

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(table, table)
    def draw(fit: pa.Table, rows: pa.Table) -> None:
        drawn.append(ContractCase(schema, fit, rows, case.encoders))

    draw()
    return drawn


def _check(contract: Contract, case: ContractCase) -> None:
    """Check a contract; any other exception is told as a broken one."""
    try:
        contract.check(case)
    except ContractError as error:
        raise error.with_tables(case.fit, case.rows) from error.__cause__
    except Exception as error:
        raise _describe(contract.name, error).with_tables(case.fit, case.rows) from error


def _find(contract: Contract, case: ContractCase) -> ContractError | None:
    try:
        _check(contract, case)
    except ContractError as error:
        return error
    return None


def _make_smaller(contract: Contract, case: ContractCase, error: ContractError) -> ContractError:
    """The error of smaller tables that show it too: with fewer rows, and with null or one value in a column."""
    if error.fit is None or error.rows is None:
        return error
    until = perf_counter() + SHRINKING
    pair = [error.fit, error.rows]
    # first the table that is encoded, then the one that is fitted on
    for which in (1, 0):
        for propose in (_leave_out_rows, _simplify_columns):
            attempts = propose(pair[which], case.schema)
            other = next(attempts, None)
            while other is not None and perf_counter() < until:
                fit, rows = (other, pair[1]) if which == 0 else (pair[0], other)
                found = _find(contract, ContractCase(case.schema, fit, rows, case.encoders))
                if found is not None:
                    pair, error = [fit, rows], found
                other = _send(attempts, found is not None)
    return error


Attempts = Generator[pa.Table, bool, None]
"""Smaller tables; each is answered with True if it shows the error too."""


def _send(attempts: Attempts, is_shown: bool) -> pa.Table | None:
    try:
        return attempts.send(is_shown)
    except StopIteration:
        return None


def _leave_out_rows(table: pa.Table, _: Schema) -> Attempts:
    """Half of the rows left out, then a quarter, down to single rows."""
    size = (len(table) + 1) // 2
    while size:
        start = 0
        while start < len(table):
            smaller = pa.concat_tables([table.slice(0, start), table.slice(start + size)])
            if (yield smaller):
                table = smaller
            else:
                start += size
        size //= 2


def _simplify_columns(table: pa.Table, schema: Schema) -> Attempts:
    """One column after another all null, or if it must not be, all of its first value."""
    keys = {*schema.entity, schema.time}
    for place, name in enumerate(table.column_names):
        column = table[name]
        if not len(column):
            continue
        nulls, first = pa.nulls(len(column), column.type), pa.array([column[0].as_py()] * len(column), column.type)
        for simple in [first] if name in keys else [nulls, first]:
            if column.to_pylist() == simple.to_pylist():
                break
            smaller = table.set_column(place, name, simple)
            if (yield smaller):
                table = smaller
                break


def _describe(contract: str, error: Exception) -> ContractError:
    """An exception as a broken contract; if an encoder raised it, with the method and the field."""
    trace = error.__traceback__
    while trace is not None:
        owner = trace.tb_frame.f_locals.get("self")
        is_builtin = type(owner).__module__.partition(".")[0] == __name__.partition(".")[0]
        if isinstance(owner, Encoder | State) and not is_builtin:
            name = getattr(owner.spec, "name", "?")
            method = trace.tb_frame.f_code.co_name
            return ContractError(contract, f"`{method}` of {name!r} raised {cause(error)}", name)
        trace = trace.tb_next
    return ContractError(contract, f"raised {cause(error)}")
