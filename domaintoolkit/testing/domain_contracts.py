"""The contracts of a domain beyond its schema: its sample, its reader and its recipe."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domaintoolkit.encoders import EncoderType
from domaintoolkit.errors import DomainToolkitError, OutputError, cause
from domaintoolkit.reading import open_source, read_sample, write_sample
from domaintoolkit.schema import Domain
from domaintoolkit.testing.contract_error import ContractError
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["DOMAIN_CONTRACTS", "SAMPLE", "DomainCase", "DomainContract", "NotApplicableError"]

SAMPLE, READER, RECIPE = "sample", "reader", "recipe"
FILES = ("sample.csv", "sample.csv.gz", "sample.parquet")


class NotApplicableError(Exception):
    """A contract that a domain has nothing for; the message says what it lacks."""


@dataclass
class DomainCase:
    """A domain and so many events of its sample."""

    domain: Domain
    events: int
    encoders: tuple[EncoderType, ...] = ()

    @cached_property
    def table(self) -> pa.Table:
        """The sample."""
        return read_sample(self.domain, self.events, seed=1).read_all()


@dataclass(frozen=True)
class DomainContract:
    """A promise of a domain, and the function that checks it; it returns a remark."""

    name: str
    promise: str
    check: Callable[[DomainCase], str]


def _check_sample(case: DomainCase) -> str:
    domain, table = case.domain, case.table
    again = read_sample(domain, case.events, seed=1).read_all()
    if repr(table.to_pylist()) != repr(again.to_pylist()):
        advice = "draw everything from one generator that is made of `seed`, such as np.random.default_rng(seed)"
        raise ContractError(SAMPLE, "two samples of the same seed differ", advice=advice)
    missing = [column.name for column in domain.reader.columns if column.name not in table.column_names]
    if missing:
        advice = "give the sample every column that the reader declares, under its `name`"
        raise ContractError(SAMPLE, f"the reader's columns {missing} are not in the sample", missing[0], advice)
    if not case.events / 2 <= len(table) <= 2 * case.events + 100:
        raise ContractError(
            SAMPLE, f"{len(table):,} rows for events={case.events:,}", advice="yield about `events` rows"
        )
    for name in domain.schema.columns:
        column = table[name]
        if len(column) and column.null_count == len(column):
            raise ContractError(SAMPLE, f"column {name!r} holds nulls alone", name, "simulate values of each column")
    return f"{len(table):,} rows"


def _check_reader(case: DomainCase) -> str:
    """The sample, written as raw files and read again, is encoded to the same streams."""
    domain = case.domain
    table = _as_written(domain, case.table)
    tokenizer = DomainTokenizer(domain.schema, case.encoders).fit(table)
    wanted = tokenizer.encode(table)
    read: list[str] = []
    left_out: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in FILES:
            try:
                path = write_sample(domain, Path(folder) / name, case.events, seed=1)
            except OutputError as error:
                left_out.append(f"{name.removeprefix('sample')} not: {error.reason}")
                continue
            batches = [batch.records for batch in open_source([str(path)], domain.reader).batches()]
            found = pa.Table.from_batches(batches) if batches else table.slice(0, 0)
            if not np.array_equal(tokenizer.encode(found).ids, wanted.ids):
                raise _unlike(name, domain, table, found)
            read.append(name.removeprefix("sample"))
    if not read:
        raise NotApplicableError("; ".join(left_out))
    return ", ".join([*read, *left_out])


def _unlike(name: str, domain: Domain, table: pa.Table, read: pa.Table) -> ContractError:
    """The first value that comes back from a file as another one."""
    advice = "let the column's type, `null`, `time_format`, `zone` or mark of numbers say how the file writes it"
    if len(read) != len(table):
        reason = f"{len(table)} rows of the sample, written to {name}, are read as {len(read)}"
        return ContractError(READER, reason, advice=advice)
    for column in domain.schema.columns:
        pairs = zip(table[column].to_pylist(), read[column].to_pylist(), strict=True)
        for row, (before, after) in enumerate(pairs):
            # two NaN are equal here
            if before != after and not (before != before and after != after):
                reason = f"row {row} of {column!r} is {before!r} in the sample, and is read from {name} as {after!r}"
                return ContractError(READER, reason, column, advice)
    return ContractError(READER, f"the rows of {name} are read in another order", advice=advice)


def _as_written(domain: Domain, table: pa.Table) -> pa.Table:
    """Times as a file shows them: a format without fractions drops them."""
    for column in domain.reader.columns:
        kind = table.schema.field(column.name).type if column.name in table.column_names else None
        if column.time_format is not None and kind is not None and pa.types.is_timestamp(kind):
            place = table.column_names.index(column.name)
            table = table.set_column(place, column.name, pc.floor_temporal(table[column.name], unit="second"))
    return table


def _check_recipe(case: DomainCase) -> str:
    """The recipe is one that `train` takes. This needs no torch."""
    recipe = case.domain.recipe
    if recipe is None:
        raise NotApplicableError("the domain has none")
    from domaintoolkit.model import event_preset, preset
    from domaintoolkit.train import load_recipe

    advice = "docs/training.md lists the settings; keep the file in the package, and in its package-data"
    try:
        made = load_recipe(Path(str(recipe)))
        tokenizer = DomainTokenizer(case.domain.schema, case.encoders).fit(case.table)
        shape = event_preset if made.family == "event" else preset
        shape(made.preset, len(tokenizer.vocabulary), block=made.block, **made.model)
    except (DomainToolkitError, OSError) as error:
        raise ContractError(RECIPE, f"{Path(str(recipe)).name}: {cause(error)}", advice=advice) from error
    return f"{made.family} model, preset {made.preset}"


DOMAIN_CONTRACTS = (
    DomainContract(SAMPLE, "the sample is the same for the same seed, and has the reader's columns", _check_sample),
    DomainContract(READER, "the sample, written as raw files, is read as it was", _check_reader),
    DomainContract(RECIPE, "`train` takes the recipe", _check_recipe),
)
