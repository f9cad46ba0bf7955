"""The shop's sample has what the published table has, at any size; and the reader reads the real file."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ecommerce_rees46 import ECOMMERCE
from ecommerce_rees46.behaviour import event_types
from ecommerce_rees46.catalogue import catalogue

SIZES = (20_000, 200_000)
every_size = pytest.mark.parametrize(("events", "seed"), [(20_000, 0), (20_000, 7), (200_000, 1)])


@cache
def sample(events: int, seed: int) -> pd.DataFrame:
    frame = pa.Table.from_batches(ECOMMERCE.sample(events, seed)).to_pandas()
    return frame.sort_values(["user_id", "event_time"], kind="stable").reset_index(drop=True)


def before(frame: pd.DataFrame, column: str) -> pd.Series:
    return frame.groupby("user_id")[column].shift()


@pytest.mark.slow
@every_size
def test_the_funnel(events: int, seed: int) -> None:
    frame = sample(events, seed)
    share = frame["event_type"].value_counts(normalize=True)
    assert share["view"] == pytest.approx(0.96, abs=0.012)
    assert share["cart"] == pytest.approx(0.023, abs=0.009)
    assert share["purchase"] == pytest.approx(0.016, abs=0.007)
    after_cart = frame["event_type"][before(frame, "event_type") == "cart"]
    assert (after_cart == "purchase").mean() == pytest.approx(0.27, abs=0.08 if events < 100_000 else 0.03)


@pytest.mark.slow
@every_size
def test_a_purchase_is_of_the_product_in_hand(events: int, seed: int) -> None:
    frame = sample(events, seed)
    bought = frame["event_type"].isin(["cart", "purchase"]) & before(frame, "event_type").notna()
    assert (frame["product_id"] == before(frame, "product_id"))[bought].all()


@every_size
def test_missing_categories_and_brands(events: int, seed: int) -> None:
    frame = sample(events, seed)
    assert frame["category_code"].isna().mean() == pytest.approx(1 / 3, abs=0.06 if events < 100_000 else 0.025)
    assert frame["brand"].isna().mean() == pytest.approx(1 / 7, abs=0.02)


@every_size
def test_users_stick_to_categories(events: int, seed: int) -> None:
    frame = sample(events, seed)
    again = (frame["category_id"] == before(frame, "category_id"))[before(frame, "category_id").notna()]
    assert again.mean() == pytest.approx(0.9, abs=0.04)
    shares = frame["category_id"].value_counts(normalize=True)
    assert float((shares**2).sum()) < 0.1, "without stickiness it would be this rare"


@every_size
def test_days_and_weeks_have_a_rhythm(events: int, seed: int) -> None:
    frame = sample(events, seed)
    hours = frame["event_time"].dt.hour.value_counts(normalize=True)
    assert hours[[14, 15, 16, 17]].mean() > 4 * hours[[22, 23, 0, 1]].mean()
    days = frame["event_time"].dt.day_of_week.value_counts()
    dates = frame["event_time"].dt.normalize().drop_duplicates().dt.day_of_week.value_counts()
    assert (days / dates)[[5, 6]].mean() > 1.05 * (days / dates)[[0, 1, 2, 3]].mean()


@every_size
def test_histories_have_a_heavy_tail(events: int, seed: int) -> None:
    lengths = sample(events, seed).groupby("user_id").size()
    assert 20 < lengths.mean() < 40
    assert lengths.mean() > 1.6 * lengths.median()


@pytest.mark.slow
@every_size
def test_a_session_is_one_users_and_one_visit(events: int, seed: int) -> None:
    sessions = sample(events, seed).groupby("user_session")
    assert (sessions["user_id"].nunique() == 1).all()
    lengths = sessions["event_time"].max() - sessions["event_time"].min()
    assert lengths.dt.total_seconds().median() < 3_600
    assert 3 < sessions.size().mean() < 5.5
    assert (
        sample(events, seed)["user_session"]
        .str.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
        .all()
    )


def test_a_product_always_has_the_same_category_brand_and_price() -> None:
    frame = sample(200_000, 1)
    kept = frame.groupby("product_id")[["category_id", "category_code", "brand", "price"]].nunique(dropna=False)
    assert (kept == 1).all(axis=None)


def test_the_catalogue_is_as_large_as_the_published_one() -> None:
    shop = catalogue()
    codes = shop.codes.drop_null().to_pylist()
    assert len(codes) == len(set(codes)) == 2_767
    assert len(shop.brands.unique()) == 4_300
    assert len(set(shop.ids.tolist())) == len(shop.ids)
    depths = np.bincount([code.count(".") for code in codes])
    assert depths[:2].tolist() == [0, 182]
    frame = sample(200_000, 1)
    assert frame["category_code"].nunique() > 1_000
    assert frame["brand"].nunique() > 2_000
    assert frame["category_code"].str.count(r"\.").mean() == pytest.approx(1.6, abs=0.25)


def test_event_types_follow_one_another_as_in_a_loop() -> None:
    """The rounds of redrawing end where drawing one event after another would."""
    first = np.zeros(4_000, bool)
    first[::50] = True
    keenness = np.full(4_000, 30.0)
    types = event_types(np.random.default_rng(5), first, keenness)
    chance = np.random.default_rng(5).random(4_000)
    previous, expected = 0, []
    for i in range(4_000):
        previous = 0 if first[i] else previous
        scale = 30.0 if previous == 0 else 1.0
        purchase = (0.0107, 0.27, 0.03)[previous] * scale
        cart = purchase + (0.0215, 0.12, 0.02)[previous] * scale
        previous = 2 if chance[i] < purchase else 1 if chance[i] < cart else 0
        expected.append(previous)
    assert types.tolist() == expected
