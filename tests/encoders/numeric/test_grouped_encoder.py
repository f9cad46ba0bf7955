from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import domaintoolkit as dt
from domaintoolkit.encoders.numeric.grouped_encoder import GroupedNumericEncoder, GroupedNumericState, pair_columns
from domaintoolkit.errors import SchemaError

SPEC = dt.Numeric("value", bins=4, by="parameter", by_size=2, by_min_count=50)


def rows(seed: int = 0, count: int = 900) -> pa.Table:
    """Heart rates, temperatures in both scales, and a few rare ones."""
    random = np.random.default_rng(seed)
    what = random.choice(["HR", "TC", "TF", "odd", "none"], count, p=[0.5, 0.3, 0.1, 0.05, 0.05])
    mean = {"HR": 80.0, "TC": 37.0, "TF": 98.0, "odd": 1e6, "none": -5.0}
    values = np.array([random.normal(mean[name], 1) for name in what]).round(2)
    return pa.table(
        {
            "stay": random.integers(0, 9, count),
            "at": pa.array(np.arange(count) * 10**7, pa.timestamp("us")),
            "parameter": pa.array([None if name == "none" else name for name in what]),
            "value": values,
        }
    )


def schema(**settings: Any) -> dt.Schema:
    value = dt.Numeric("value", by="parameter", **settings)
    return dt.Schema(entity="stay", time="at", fields=[dt.Categorical("parameter"), value, dt.Timestamp("at")])


def encoder_of(table: pa.Table, spec: dt.Numeric = SPEC) -> GroupedNumericEncoder:
    return state_of(table, spec).finalize()


def state_of(table: pa.Table, spec: dt.Numeric = SPEC) -> GroupedNumericState:
    state = GroupedNumericState(spec)
    state.update(column_of(table))
    return state


def column_of(table: pa.Table) -> pa.Array:
    things = table["parameter"].combine_chunks().dictionary_encode()
    return pair_columns(table["value"].combine_chunks(), things)


def names_of(encoder: GroupedNumericEncoder, table: pa.Table) -> list[str]:
    (cells,) = encoder.encode(column_of(table)).parts
    return [encoder.slots[cells.slots[code]].text for code in cells.codes]


def test_frequent_things_have_buckets_of_their_own_and_the_others_share_them() -> None:
    table = rows()
    encoder = encoder_of(table)
    assert list(encoder.groups) == ["HR", "TC"]  # TF is frequent enough, but two are wanted
    texts: dict[str | None, set[str]] = {}
    for thing, text in zip(table["parameter"].to_pylist(), names_of(encoder, table), strict=True):
        texts.setdefault(thing, set()).add(text)
    assert all(text.startswith(" HR: ") for text in texts["HR"])
    assert all(text.startswith(" TC: ") for text in texts["TC"])
    assert len(texts["HR"]) == len(texts["TC"]) == 4
    assert not any(":" in text for thing in ("TF", "odd", None) for text in texts[thing])
    assert len(set(encoder.slots)) == len(encoder.slots)


def test_a_bucket_decodes_to_a_value_of_its_own_thing() -> None:
    table = rows()
    streams = (tokenizer := dt.DomainTokenizer(schema(bins=4)).fit(table)).encode(table)
    again = tokenizer.decode(streams)
    seen = {name: set() for name in table["parameter"].unique().to_pylist()}  # type: ignore[var-annotated]
    for thing, value in zip(table["parameter"].to_pylist(), table["value"].to_pylist(), strict=True):
        seen[thing].add(value)
    pairs = zip(again["parameter"].to_pylist(), again["value"].to_pylist(), strict=True)
    assert all(value in seen[thing] for thing, value in pairs if thing in ("HR", "TC"))


def test_many_values_of_one_thing_merge_exactly() -> None:
    random = np.random.default_rng(0)
    table = pa.table({"parameter": ["HR"] * 40_000, "value": random.normal(80, 10, 40_000)})
    whole = state_of(table).finalize().to_json()
    halves = [state_of(table.slice(15_000)), state_of(table.slice(0, 15_000))]
    halves[0].merge(GroupedNumericState.restore(SPEC, halves[1].dump()))
    assert halves[0].finalize().to_json() == whole
    assert halves[0].dump().equals(state_of(table).dump(), check_metadata=True)


def test_extending_gives_buckets_to_a_thing_that_is_new() -> None:
    table = rows()
    tokenizer = dt.DomainTokenizer(schema(bins=4, by_size=3)).fit(table)
    names = tokenizer.vocabulary.names
    later = table.set_column(2, "parameter", pa.array(["pH"] * len(table)))
    assert not any("pH: " in name for name in names)
    tokenizer.extend(later)
    assert tokenizer.vocabulary.names[: len(names)] == names
    assert not any("pH: " in name for name in tokenizer.vocabulary.names)  # three things have their buckets already
    tokenizer = dt.DomainTokenizer(schema(bins=4)).fit(table)
    names = tokenizer.vocabulary.names
    tokenizer.extend(later)
    assert tokenizer.vocabulary.names[: len(names)] == names
    assert sum("value pH: " in name for name in tokenizer.vocabulary.names) == 4
    assert tokenizer.decode(tokenizer.encode(later))["parameter"].unique().to_pylist() == ["pH"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([dt.Numeric("value", by="parameter"), dt.Categorical("parameter")], "must come before"),
        ([dt.Categorical("other"), dt.Numeric("value", by="parameter")], "unknown"),
        ([dt.Categorical("parameter", unseen="hash"), dt.Numeric("value", by="parameter")], "spell"),
        ([dt.Text("parameter"), dt.Numeric("value", by="parameter")], "categorical"),
    ],
)
def test_the_field_that_says_what_is_measured_must_be_known_and_exact(fields: list[Any], reason: str) -> None:
    with pytest.raises(SchemaError, match=reason):
        dt.Schema(entity="stay", fields=fields)


@pytest.mark.parametrize("settings", [{}, {"sign": True, "refine": 2}])
def test_infinities_decode_to_themselves(settings: dict[str, Any]) -> None:
    table = rows()
    values = table["value"].to_pylist()
    values[:3] = [float("inf"), float("-inf"), None]
    table = table.set_column(3, "value", pa.array(values))
    tokenizer = dt.DomainTokenizer(schema(by_min_count=50, **settings)).fit(table)
    streams = tokenizer.encode(table)
    again = tokenizer.decode(streams)["value"].to_pylist()
    assert sorted(value for value in again if value and abs(value) == float("inf")) == [float("-inf"), float("inf")]
    one = table.filter(pa.compute.equal(table["stay"], table["stay"][0]))
    assert tokenizer.encode_entity(one.to_pylist()).tolist() == streams[streams.find(table["stay"][0].as_py())].tolist()


def test_without_a_number_in_fitting_no_number_becomes_another() -> None:
    empty = rows().set_column(rows().column_names.index("value"), "value", pa.nulls(900, pa.float64()))
    tokenizer = dt.DomainTokenizer(schema(), threads=1).fit(empty)
    decoded = tokenizer.decode(tokenizer.encode(rows()).ids, tokenizer.encode(rows()).offsets)
    assert np.isnan(decoded["value"].to_numpy()).all()
