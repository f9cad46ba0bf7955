"""Tables made to have one fault each: the fault is found, nothing else is, and the change mends it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from domaintoolkit.jobs import encode, fit
from domaintoolkit.reading import sample_source
from domaintoolkit.schema import Categorical, Column, Domain, FieldSpec, Numeric, Reader, Schema, Text, Timestamp
from domaintoolkit.suggest import Suggestions, apply_suggestions, suggest

EVENTS, USERS = 1_200, 60
SEED = 7


@pytest.fixture
def random() -> np.random.Generator:
    """Draws that are the same whichever tests ran before."""
    return np.random.default_rng(SEED)


def base() -> dict[str, Any]:
    """Events with nothing wrong: a skewed page, a price, times at random."""
    random = np.random.default_rng(SEED + 1_000)
    pages = random.choice(["home", "search", "item", "cart", "help"], EVENTS, p=[0.3, 0.3, 0.2, 0.15, 0.05])
    gaps = np.sort(random.integers(0, 200 * 86_400, EVENTS)) * 1_000_000
    return {
        "user": pa.array(random.integers(0, USERS, EVENTS)),
        "at": pa.array(1_700_000_000_000_000 + gaps, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "page": pa.array(pages),
    }


def found(tmp_path: Path, *fields: FieldSpec, time: Timestamp | None = None, **columns: Any) -> Suggestions:
    """The suggestions for the fields `page`, `at` and these, with these columns."""
    table = {**base(), **columns}
    specs = [Categorical("page"), *fields, time or Timestamp("at")]
    schema = Schema(entity="user", time="at", fields=specs)
    types = {"int64": "int64", "double": "float64", "timestamp[us, tz=UTC]": "timestamp"}
    batch = pa.RecordBatch.from_pydict(table)
    reader = Reader(tuple(Column(each.name, type=types.get(str(each.type), "string")) for each in batch.schema))
    domain = Domain("made", "made", schema, reader, lambda events, seed: [batch])
    source = sample_source(domain)
    encode(fit(schema, source).tokenizer, source, tmp_path / "out")
    return suggest(tmp_path / "out")


def one(suggestions: Suggestions, rule: str, toml: str) -> None:
    """There is one suggestion, of this rule, whose change has this line."""
    assert [each.rule for each in suggestions.found] == [rule], suggestions.found
    assert toml in suggestions.found[0].toml
    apply_suggestions(suggestions.schema, suggestions.found)  # is a schema


def test_nothing_is_said_of_what_is_right(tmp_path: Path, random: np.random.Generator) -> None:
    prices = pa.array(np.round(random.lognormal(3, 1, EVENTS), 2))
    assert not found(tmp_path, Numeric("price", bins=8), price=prices).found


def test_a_constant(tmp_path: Path) -> None:
    one(found(tmp_path, Categorical("app"), app=pa.array(["web"] * EVENTS)), "constant", "# without the table of 'app'")


@pytest.mark.slow
def test_an_identifier(tmp_path: Path) -> None:
    ids = pa.array([f"id{k:06d}" for k in range(EVENTS)])
    one(found(tmp_path, Categorical("request"), request=ids), "identifier", "# without the table of 'request'")


def test_a_fact_of_the_entity(tmp_path: Path, random: np.random.Generator) -> None:
    users = random.integers(0, USERS, EVENTS)
    country = pa.array([["DE", "FR", "PT"][user % 3] for user in users.tolist()])
    suggestions = found(tmp_path, Categorical("country"), user=pa.array(users), country=country)
    one(suggestions, "static", "[[static]]")
    assert [spec.name for spec in apply_suggestions(suggestions.schema, suggestions.found).static] == ["country"]


def test_a_text_that_is_a_category(tmp_path: Path, random: np.random.Generator) -> None:
    texts = [f"Your order has been {word} by our team" for word in ("packed", "sent", "paid", "lost", "found")]
    notes = pa.array(random.choice(texts, EVENTS))
    one(found(tmp_path, Text("note", vocabulary_size=20), note=notes), "category", 'type = "categorical"')


def test_a_text_that_repeats_itself(tmp_path: Path, random: np.random.Generator) -> None:
    number = random.integers(0, 90, EVENTS)
    notes = pa.array(
        [f"Payment by direct debit, mandate number 2024 of branch {n}, thank you" for n in number.tolist()]
    )
    one(found(tmp_path, Text("note", vocabulary_size=10), note=notes), "repetitive text", "vocabulary_size = 1000")


def test_values_spelled_too_often(tmp_path: Path, random: np.random.Generator) -> None:
    shops = pa.array([f"shop number {k}" for k in random.permutation(EVENTS) % 80])
    one(found(tmp_path, Categorical("shop", max_size=20), shop=shops), "spelled", "max_size = 80")


def test_spelled_values_that_do_not_repeat_are_hashed(tmp_path: Path, random: np.random.Generator) -> None:
    shops = pa.array([f"shop number {k}" for k in random.integers(0, 3_000, EVENTS).tolist()])
    one(found(tmp_path, Categorical("shop", min_count=3), shop=shops), "spelled", 'unseen = "hash"')


def test_a_vocabulary_spent_on_values_that_occur_once(tmp_path: Path, random: np.random.Generator) -> None:
    common, rare = random.integers(0, 40, EVENTS), random.integers(1_000, 9_000, EVENTS)
    codes = np.where(random.random(EVENTS) < 0.75, common, rare)
    one(found(tmp_path, Categorical("code"), code=pa.array(codes)), "one-offs", "min_count = 2")


def test_buckets_that_are_nearly_empty(tmp_path: Path, random: np.random.Generator) -> None:
    prices = pa.array(np.round(random.lognormal(3, 1.5, EVENTS), 2))
    suggestions = found(tmp_path, Numeric("price", bins=32, strategy="uniform"), price=prices)
    one(suggestions, "empty buckets", "bins = 12")
    assert 'strategy = "uniform"' not in suggestions.found[0].toml


def test_edges_between_buckets_that_are_nearly_empty_are_left_out(tmp_path: Path, random: np.random.Generator) -> None:
    prices = pa.array(random.uniform(0, 100, EVENTS))
    edges = (0.0, 50.0, 100.0, 100.5, 101.0, 150.0, 200.0)
    one(found(tmp_path, Numeric("price", strategy="explicit", edges=edges), price=prices), "empty buckets", "edges = [")


def test_deltas_in_one_bucket(tmp_path: Path) -> None:
    suggestions = found(
        tmp_path,
        time=Timestamp("at", parts=("weekday", "hour", "minute")),
        at=pa.array([1_700_006_400_000_000 + 60_000_000 * k for k in range(EVENTS)]).cast(pa.timestamp("us", "UTC")),
        user=pa.array([k // 20 for k in range(EVENTS)]),
    )
    assert [each.rule for each in suggestions.found] == ["idle time"]
    assert "100% of the times since the previous event lie in the bucket" in suggestions.found[0].finding
    assert "delta = false" in suggestions.found[0].toml


def test_parts_of_a_time_that_never_change(tmp_path: Path, random: np.random.Generator) -> None:
    days = (np.sort(random.integers(0, 200, EVENTS)) * 86_400_000_000 + 1_700_006_400_000_000).astype(np.int64)
    suggestions = found(tmp_path, at=pa.array(days).cast(pa.timestamp("us", "UTC")))
    one(suggestions, "idle time", 'parts = ["weekday"]')
    assert "its part hour is the same in every event" in suggestions.found[0].finding


def test_of_few_events_nothing_is_said(tmp_path: Path) -> None:
    schema = Schema(entity="user", fields=[Categorical("page")])
    rows = pa.RecordBatch.from_pydict({"user": ["a", "b"], "page": ["x", "x"]})
    domain = Domain("few", "few", schema, Reader((Column("user"), Column("page"))), lambda events, seed: [rows])
    source = sample_source(domain)
    encode(fit(schema, source).tokenizer, source, tmp_path / "out")
    assert suggest(tmp_path / "out").note == "2 events are too few to judge by; encode at least 1,000"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ecommerce", "finance", "ads"])
def test_nothing_is_said_of_the_domains(name: str, tmp_path: Path, run_domain: Callable[[str, Path], None]) -> None:
    run_domain(name, tmp_path / "out")
    assert [each.rule for each in suggest(tmp_path / "out").found] == []


@pytest.fixture
def run_domain() -> Callable[[str, Path], None]:
    from domaintoolkit.registry import get_domain

    def run(name: str, out: Path) -> None:
        domain = get_domain(name)
        source = sample_source(domain)
        encode(fit(domain.schema, source).tokenizer, source, out)

    return run
