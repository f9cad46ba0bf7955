"""A sample follows its marginals, and is the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from domaintoolkit.errors import SourceError
from domaintoolkit.simulation import Marginal, Marginals, MarginalSample

MARGINALS = Marginals(
    ("user",),
    "at",
    "visit",
    lengths=(4.0, 8.0, 12.0),
    new_session=0.3,
    columns={
        "user": Marginal("key", "string", shape="aa-000"),
        "visit": Marginal("key", "int64", first=100),
        "at": Marginal("time", "timestamp", quantiles=(0.0, 60.0, 86_400.0), span=30 * 86_400_000_000, step=1_000_000),
        "number": Marginal("counter", "int64", counts="line"),
        "kind": Marginal("category", "string", 0.25, values=("view", "buy"), weights=(0.8, 0.2)),
        "plan": Marginal("category", "string", is_static=True, values=("free", "paid"), weights=(0.5, 0.5)),
        "price": Marginal("number", "float64", values=(9.99,), weights=(0.5,), quantiles=(1.0, 5.0), decimals=2),
        "note": Marginal("text", "string", values=("good", "bad"), weights=(0.5, 0.5), quantiles=(1.0, 4.0)),
    },
)  # fmt: skip


def draw(events: int = 4_000, seed: int = 0) -> pa.Table:
    return pa.Table.from_batches(MarginalSample(MARGINALS)(events, seed))


def test_a_sample_has_its_rows_and_is_the_same_for_the_same_seed() -> None:
    assert len(draw(777)) == 777
    assert draw(777).equals(draw(777))
    assert not draw(777).equals(draw(777, seed=1))


def test_values_have_their_shares() -> None:
    table = draw()
    assert table["kind"].null_count / len(table) == pytest.approx(0.25, abs=0.03)
    kinds = table["kind"].drop_null()
    assert pc.mean(pc.equal(kinds, "view")).as_py() == pytest.approx(0.8, abs=0.03)
    assert pc.mean(pc.equal(table["price"], 9.99)).as_py() == pytest.approx(0.5, abs=0.03)
    assert pc.max(table["price"]).as_py() <= 9.99


def test_histories_are_in_order_with_sessions_of_their_own() -> None:
    table = draw()
    plans = table.group_by("user").aggregate([("plan", "count_distinct"), ("at", "count")])
    assert pc.max(plans["plan_count_distinct"]).as_py() == 1
    assert 4 <= pc.mean(plans["at_count"]).as_py() <= 12
    owners = table.group_by("visit").aggregate(
        [("user", "count_distinct"), ("number", "count_distinct"), ("number", "count")]
    )
    assert pc.max(owners["user_count_distinct"]).as_py() == 1
    assert owners["number_count_distinct"].equals(owners["number_count"])


def test_marginals_are_read_back_from_json(tmp_path: Path) -> None:
    path = tmp_path / "marginals.json"
    path.write_text(MARGINALS.to_json(), encoding="utf-8")
    assert Marginals.read(path) == MARGINALS
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(SourceError, match="marginals"):
        Marginals.read(path)
