"""Drift: nothing between samples of one source, however alike the events of an entity are; changes by their name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from event_rows import SCHEMA, events

from domaintoolkit.errors import DataError
from domaintoolkit.jobs import drift, encode, fit
from domaintoolkit.schema import Categorical, Numeric, Schema, Timestamp
from domaintoolkit.tokenizer import DomainTokenizer

TABLE = events(12_000, users=2400)
SHOP = Schema(
    entity="user",
    time="at",
    fields=(
        Categorical("brand"),
        Categorical("product", max_size=200, unseen="hash"),
        Numeric("price", bins=32),
        Timestamp("at", parts=("month", "day", "weekday", "hour")),
    ),
)
DAY = 86_400


def shop(users: int, seed: int, first_day: int = 0, days: int = 60, loyal: float = 0.9) -> pa.Table:
    """Some 20 events a user, who buys one brand and a few products nearly always: the events of a user are alike."""
    draw = np.random.default_rng(seed)
    user = np.repeat(np.arange(users) + seed * 1_000_000, draw.poisson(20, users) + 1)
    rows = len(user)
    brands, products = draw.zipf(1.3, users) % 50, draw.zipf(1.2, users) % 5_000
    own = draw.random(rows) < loyal
    order = user - seed * 1_000_000
    brand = np.where(own, brands[order], draw.zipf(1.3, rows) % 50)
    product = np.where(own, products[order], draw.zipf(1.2, rows) % 5_000)
    seconds = 1_570_000_000 + (first_day + draw.random(rows) * days) * DAY
    return pa.table(
        {
            "user": user,
            "brand": np.char.add("b", brand.astype(str)),
            "product": product,
            "price": np.round(draw.lognormal(3, 1, users)[order] * draw.uniform(0.9, 1.1, rows), 2),
            "at": pa.array((seconds * 1e6).astype(np.int64)).cast(pa.timestamp("us", "UTC")),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half of the rows, encoded."""
    out = tmp_path_factory.mktemp("drift") / "out"
    half = TABLE.slice(0, 6000)
    encode(DomainTokenizer(SCHEMA, threads=1).fit(half), half, out)
    return out


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 users of the shop, fitted on the training entities as the command does."""
    out = tmp_path_factory.mktemp("drift") / "shop"
    table = shop(3000, 1)
    encode(fit(SHOP, table).tokenizer, table, out)
    return out


def verdicts(result: object) -> dict[str, str]:
    return {part.part: part.verdict for field in result.fields for part in field.parts}  # type: ignore[attr-defined]


def test_rows_like_the_encoded_ones_are_stable(folder: Path) -> None:
    result = drift(folder, TABLE.slice(6000))
    assert result.verdict == "stable"
    assert result.events == 6000
    assert [field.field for field in result.fields] == ["what", "brand", "price", "at"]
    assert json.loads(json.dumps(result.to_json()))["verdict"] == "stable"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_other_users_and_later_days_of_the_same_shop_are_stable(shop_folder: Path, seed: int) -> None:
    result = drift(shop_folder, shop(600, seed, first_day=60, days=40))
    assert result.verdict == "stable", result
    assert {part: verdict for part, verdict in verdicts(result).items() if verdict == "calendar"} == {
        "at.month": "calendar",
        "at.day": "calendar",
    }


def test_a_week_says_nothing_of_weekdays(shop_folder: Path) -> None:
    found = verdicts(drift(shop_folder, shop(300, 9, first_day=60, days=7)))
    assert found["at.weekday"] == "calendar"
    assert found["at.hour"] == "stable"


@pytest.mark.slow
def test_changes_are_named_with_their_part_their_tokens_and_new_values(shop_folder: Path) -> None:
    table = shop(600, 2, first_day=60)
    night = pc.add(pc.floor_temporal(table["at"], unit="day"), pa.scalar(3 * 3600, pa.duration("s")))
    new = pc.if_else(pa.array(np.arange(len(table)) % 4 == 0), pa.scalar("newcomer"), table["brand"])
    table = table.set_column(1, "brand", new).set_column(4, "at", night.cast(table["at"].type))
    result = drift(shop_folder, table, memory="50kB")
    found = verdicts(result)
    assert {part for part, verdict in found.items() if verdict == "drifted"} >= {"brand", "at.hour"}
    assert {found[part] for part in ("product", "price", "at.weekday")} == {"stable"}
    brand, at = result.fields[0], result.fields[3]
    assert brand.new_values[0].value == "newcomer"
    assert brand.new_values[0].rows == (len(table) + 3) // 4
    assert brand.parts[0].changes[0].tokens == "[brand spell]"
    assert brand.unseen > brand.encoded_unseen
    hour = next(part for part in at.parts if part.part == "at.hour")
    assert any(change.new > 0.9 for change in hour.changes)


def test_the_index_is_that_of_the_column(shop_folder: Path) -> None:
    """A shift among frequent values is seen, whatever lies between them in the vocabulary."""
    table = shop(3000, 3, first_day=60, loyal=0.0)
    swapped = pc.replace_substring_regex(table["brand"], "^b2$", "b1")
    result = drift(shop_folder, table.set_column(1, "brand", swapped))
    assert result.fields[0].verdict in ("shifted", "drifted")
    assert "[brand=b2]" in {change.tokens for change in result.fields[0].parts[0].changes}


def test_two_rows_give_no_verdict(shop_folder: Path) -> None:
    result = drift(shop_folder, shop(600, 2).slice(0, 2))
    assert result.verdict == "too few"
    assert result.events == 2


def test_rows_that_cannot_be_compared_say_why(shop_folder: Path) -> None:
    table = shop(20, 2)
    text = pa.array([f"user {key}" for key in table["user"].to_pylist()])
    with pytest.raises(DataError, match="user 2000000"):
        drift(shop_folder, table.set_column(0, "user", text))


def test_no_rows_are_an_error(folder: Path) -> None:
    with pytest.raises(DataError, match="there are no rows to compare"):
        drift(folder, TABLE.slice(0, 0))
