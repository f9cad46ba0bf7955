"""What every first-party sample keeps: its size, its columns, its seed, and the same first entities at any size."""

from __future__ import annotations

import pyarrow as pa
import pytest
from ad_clicks import ADS, ADS_BOTS
from ecommerce_rees46 import ECOMMERCE
from finance_synthetic import CONTROL, FINANCE
from hypothesis import given, settings
from hypothesis import strategies as st

from domaintoolkit.schema import Column, Domain, Schema, from_toml_text, to_toml

DOMAINS = [ADS, ADS_BOTS, CONTROL, ECOMMERCE, FINANCE]
TYPES = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "timestamp": pa.timestamp("us", "UTC"),
}

every_domain = pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
domains = st.sampled_from(DOMAINS)
seeds = st.integers(0, 1 << 40)


def rows(domain: Domain, events: int, seed: int = 0) -> pa.Table:
    return pa.Table.from_batches(domain.sample(events, seed))


def declared(column: Column) -> pa.Field:
    return pa.field(column.name, TYPES[column.type])


@every_domain
def test_the_columns_are_the_readers(domain: Domain) -> None:
    assert rows(domain, 100).schema == pa.schema([declared(column) for column in domain.reader.columns])


@settings(max_examples=12)
@given(domains, st.integers(1, 150_000), seeds)
def test_the_sample_has_as_many_rows_as_asked_for(domain: Domain, events: int, seed: int) -> None:
    assert sum(batch.num_rows for batch in domain.sample(events, seed)) == events


@pytest.mark.slow
@settings(max_examples=10)
@given(domains, st.integers(1, 3_000), seeds)
def test_the_same_seed_gives_the_same_rows_and_another_gives_others(domain: Domain, events: int, seed: int) -> None:
    assert rows(domain, events, seed).equals(rows(domain, events, seed))
    assert not rows(domain, events, seed).equals(rows(domain, events, seed + 1))


@pytest.mark.slow
@settings(max_examples=10)
@given(domains, st.integers(1, 100_000), st.integers(1, 100_000), seeds)
def test_a_larger_sample_begins_with_the_same_entities(domain: Domain, one: int, other: int, seed: int) -> None:
    small, large = sorted((one, other))
    entity = domain.schema.entity[0]
    histories = [dict(_histories(rows(domain, size, seed), entity)) for size in (small, large)]
    differing = [key for key, history in histories[0].items() if histories[1][key] != history]
    assert len(differing) <= 1, "only the last history of the smaller sample is cut"


def _histories(table: pa.Table, entity: str) -> list[tuple[object, int]]:
    counted = table.group_by(entity).aggregate([([], "count_all")])
    return list(zip(counted[entity].to_pylist(), counted["count_all"].to_pylist(), strict=True))


@every_domain
def test_the_rows_of_a_lot_are_in_time_order(domain: Domain) -> None:
    assert domain.schema.time is not None
    for batch in domain.sample(80_000, 3):
        times = batch[domain.schema.time].cast(pa.int64()).to_numpy()
        assert (times[1:] >= times[:-1]).all()


@pytest.mark.slow
@every_domain
def test_lots_share_no_entity(domain: Domain) -> None:
    seen: set[object] = set()
    for batch in domain.sample(150_000, 1):
        entities = set(batch[domain.schema.entity[0]].unique().to_pylist())
        assert not seen & entities
        seen |= entities


@every_domain
def test_static_fields_have_one_value_an_entity(domain: Domain) -> None:
    names = [spec.name for spec in domain.schema.static]
    table = rows(domain, 20_000)
    pairs = table.group_by([*domain.schema.entity, *names]).aggregate([])
    assert pairs.num_rows == len(table[domain.schema.entity[0]].unique())


@every_domain
def test_the_schema_comes_back_from_toml(domain: Domain) -> None:
    assert from_toml_text(Schema, to_toml(domain.schema)) == domain.schema


@every_domain
def test_the_description_says_where_every_domain_is_simulated(domain: Domain) -> None:
    assert domain.sample.__doc__ is not None
    assert "imulated" in domain.description or "layout" in domain.description


@every_domain
def test_the_recipe_is_in_the_package(domain: Domain) -> None:
    assert domain.recipe is not None
    assert "[train]" in domain.recipe.read_text(encoding="utf-8")
