"""The simulated clicks: people and bots that can be told apart, and a label that gives nothing away."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ad_clicks import ADS, ADS_BOTS, KINDS, PEOPLE, bot_kinds

from domaintoolkit.errors import SchemaError
from domaintoolkit.schema import Timestamp

BOTS = ("hammer", "rotator", "farm", "replay")
"""Those that nothing hides."""


@cache
def sample(events: int = 100_000) -> pd.DataFrame:
    frame = pa.Table.from_batches(ADS_BOTS.sample(events, 1)).to_pandas()
    return frame.sort_values(["ip", "click_time"], kind="stable").reset_index(drop=True)


def by_kind(values: pd.Series) -> pd.Series:
    return values.groupby(sample()["clicker"]).mean()


def same(column: str) -> pd.Series:
    previous = sample().groupby("ip")[column].shift()
    return by_kind((sample()[column] == previous).where(previous.notna()).astype(float))


def test_a_click_that_was_attributed_has_a_later_time() -> None:
    frame = sample()
    assert (frame["attributed_time"].notna() == (frame["is_attributed"] == 1)).all()
    attributed = frame[frame["is_attributed"] == 1]
    assert (attributed["attributed_time"] >= attributed["click_time"]).all()
    assert frame["is_attributed"].mean() == pytest.approx(0.0023, abs=0.0012)


def test_bots_hardly_ever_download() -> None:
    rate = by_kind(sample()["is_attributed"])
    assert rate[list(BOTS)].max() < 0.1 * rate["person"]


def test_the_leak_cannot_be_encoded() -> None:
    assert ADS.schema.leaks == ("attributed_time",)
    with pytest.raises(SchemaError, match="gives a label away"):
        replace(ADS.schema, fields=(*ADS.schema.fields, Timestamp("attributed_time")))


def test_kinds_come_back_from_the_ip() -> None:
    frame = sample()
    assert (np.array(KINDS)[bot_kinds(frame["ip"].to_numpy())] == frame["clicker"].to_numpy()).all()
    kinds = frame.groupby("ip")["clicker"].agg(["nunique", "first"])
    assert (kinds["nunique"] == 1).all()
    share = kinds["first"].value_counts(normalize=True)
    assert set(share.index) == set(KINDS)
    assert share[["person", "network"]].sum() == pytest.approx(0.81, abs=0.03)


def test_the_plain_domain_has_the_same_rows_without_the_kind() -> None:
    plain = pa.Table.from_batches(ADS.sample(5_000, 4))
    assert plain.equals(pa.Table.from_batches(ADS_BOTS.sample(5_000, 4)).drop_columns("clicker"))
    assert ADS.schema.labels == ("is_attributed",)
    assert ADS_BOTS.schema.labels == ("is_attributed", "clicker")


def test_each_kind_of_bot_has_its_own_way() -> None:
    gaps = sample().groupby("ip")["click_time"].diff().dt.total_seconds()
    steady = gaps[sample()["clicker"] == "hammer"]
    assert steady.quantile(0.9) - steady.quantile(0.1) <= 4
    assert same("channel")["hammer"] == 1
    assert same("channel")["rotator"] < 0.2
    assert same("app")["rotator"] == 1
    assert same("device")["farm"] < 0.05
    assert same("app")["farm"] == 1
    assert same("app")["replay"] < 0.3
    assert 0.4 < same("app")["person"] < 0.8
    assert same("device")["person"] > 0.9


def test_some_bots_take_after_people() -> None:
    """Alone, hours and apps do not give them away."""
    quiet = by_kind(sample()["click_time"].dt.hour.between(18, 21))
    assert quiet["mimic"] < 0.06
    assert 0.3 < same("app")["mimic"] < 0.9
    gaps = sample().groupby("ip")["click_time"].diff().dt.total_seconds().groupby(sample()["clicker"]).median()
    assert gaps["mimic"] == pytest.approx(gaps["person"], rel=0.6)
    assert sample().groupby("clicker")["ip"].value_counts().groupby("clicker").median()["short"] <= 4


def test_a_download_depends_on_the_clicks_before() -> None:
    people = sample()[sample()["clicker"].isin(PEOPLE)]
    before = people.groupby(["ip", "app"]).cumcount()
    again, first = people[before.between(1, 3)], people[before == 0]
    assert again["is_attributed"].mean() > 3 * first["is_attributed"].mean()
    assert people.groupby(["ip", "app"])["is_attributed"].sum().max() == 1


def test_a_replay_repeats_itself() -> None:
    replayed = sample()[sample()["clicker"] == "replay"]
    assert (replayed["app"] == replayed.groupby("ip")["app"].shift(6))[replayed.groupby("ip").cumcount() >= 6].all()


def test_people_sleep_and_bots_do_not() -> None:
    hours = sample()["click_time"].dt.hour
    quiet = hours.between(18, 21)
    assert by_kind(quiet)["person"] < 0.11
    assert by_kind(quiet)[list(BOTS)].mean() > 0.12


def test_all_clicks_fall_into_the_three_days() -> None:
    times = sample()["click_time"]
    assert times.min() >= pd.Timestamp("2017-11-06 16:00", tz="UTC")
    assert times.max() < pd.Timestamp("2017-11-09 16:00", tz="UTC")
