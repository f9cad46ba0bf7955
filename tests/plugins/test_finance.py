"""The bank's sample has what real accounts have, and its control has nothing of it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from finance_synthetic import CONTROL, FINANCE
from finance_synthetic.templates import templates

from domaintoolkit.schema import Domain


@cache
def sample(domain_name: str) -> pd.DataFrame:
    domain: Domain = {"finance": FINANCE, "finance-control": CONTROL}[domain_name]
    frame = pa.Table.from_batches(domain.sample(100_000, 2)).to_pandas()
    return frame.sort_values(["account_id", "timestamp"], kind="stable").reset_index(drop=True)


def again(frame: pd.DataFrame, column: str) -> float:
    """How often a value is that of the account's event before, against how often it would be by chance."""
    previous = frame.groupby("account_id")[column].shift()
    by_chance = float((frame[column].value_counts(normalize=True) ** 2).sum())
    return float((frame[column] == previous)[previous.notna()].mean()) / by_chance


def monthly(frame: pd.DataFrame, category: str, by: str) -> pd.DataFrame:
    chosen = frame[frame["merchant_category"] == category]
    return chosen.groupby(["account_id", by]).agg(
        payments=("amount", "size"),
        months=("timestamp", lambda times: times.dt.strftime("%Y-%m").nunique()),
        amounts=("amount", "nunique"),
        days=("timestamp", lambda times: times.dt.day.max() - times.dt.day.min()),
    )


@pytest.mark.slow
@pytest.mark.parametrize("category", ["salary", "housing", "subscriptions"])
def test_what_is_due_each_month_is_paid_once_at_its_day(category: str) -> None:
    paid = monthly(sample("finance"), category, "description")
    assert (paid["payments"] == paid["months"]).mean() > 0.9
    assert (paid["amounts"] == 1).all()
    assert (paid["days"] <= 2).mean() > 0.7
    assert (paid["payments"] >= 3).mean() > 0.95


def test_salaries_come_in_and_all_else_mostly_goes_out() -> None:
    frame = sample("finance")
    salary = frame["merchant_category"] == "salary"
    assert (frame["amount"][salary] > 0).all()
    assert (frame["amount"][~salary] < 0).mean() == pytest.approx(0.987, abs=0.01)
    assert (frame["amount"] != 0).all()


def test_nothing_monthly_is_booked_on_a_weekend() -> None:
    frame = sample("finance")
    due = frame[frame["merchant_category"].isin(["salary", "housing", "utilities", "subscriptions", "savings"])]
    assert (due["timestamp"].dt.day_of_week < 5).all()


def test_cards_are_used_in_bursts() -> None:
    frame = sample("finance")
    gaps = frame.groupby("account_id")["timestamp"].diff().dt.total_seconds().dropna()
    assert (gaps < 3_600).mean() > 0.25
    assert (gaps > 86_400).mean() > 0.3


def test_spending_has_seasons() -> None:
    frame = sample("finance")
    shopping = frame[~frame["merchant_category"].isin(["salary", "housing", "utilities", "subscriptions", "savings"])]
    rent = frame[frame["merchant_category"] == "housing"]
    rate = shopping["timestamp"].dt.month.value_counts() / rent["timestamp"].dt.month.value_counts()
    assert rate[12] > 1.5 * rate[1]


def test_refunds_give_back_what_was_paid() -> None:
    frame = sample("finance")
    back = frame[(frame["amount"] > 0) & (frame["merchant_category"] != "salary")]
    paid = set(zip(frame["account_id"], frame["description"], -frame["amount"], strict=True))
    found = [row in paid for row in zip(back["account_id"], back["description"], back["amount"], strict=True)]
    assert len(found) > 500
    assert np.mean(found) > 0.99


def test_accounts_have_habits() -> None:
    assert again(sample("finance"), "merchant_category") > 1.5
    assert again(sample("finance"), "description") > 5


@pytest.mark.parametrize("column", ["merchant_category", "description"])
def test_the_control_has_no_habits(column: str) -> None:
    assert again(sample("finance-control"), column) == pytest.approx(1.0, abs=0.12)


def test_the_fields_of_the_control_say_nothing_about_each_other() -> None:
    frame = sample("finance-control")
    together = pd.crosstab(frame["merchant_category"], frame["description"]).to_numpy()
    expected = np.outer(together.sum(1), together.sum(0)) / together.sum()
    squares = float(((together - expected) ** 2 / expected).sum())
    freedom = (together.shape[0] - 1) * (together.shape[1] - 1)
    assert abs(squares - freedom) < 5 * np.sqrt(2 * freedom)
    amounts = frame["amount"].abs().groupby(frame["description"]).median()
    assert amounts.max() < 1.6 * amounts.min()


def test_the_control_draws_each_of_the_84_texts_alike() -> None:
    counts = sample("finance-control")["description"].value_counts()
    assert len(counts) == len(templates().kinds) == 84
    assert counts.max() < 1.3 * counts.min()


def test_the_times_of_the_control_are_evenly_spaced() -> None:
    gaps = sample("finance-control").groupby("account_id")["timestamp"].diff().dropna()
    assert (gaps == pd.Timedelta(seconds=1)).all()
