from __future__ import annotations

import json

import pyarrow.parquet
import pytest
from click.testing import CliRunner

from domaintoolkit.cli.main import main


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["evaluate", *arguments])
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("shop") / "shop"
    CliRunner().invoke(main, ["encode", "--domain", "ecommerce", "--events", "2000", "-o", str(folder)])
    return str(folder)


@pytest.mark.slow
def test_rules_are_evaluated_without_a_run(shop: str) -> None:
    status, output = run(shop, "--next", "event_type", "--held-out", "every", "--split", "all", "--top", "2")
    assert status == 1  # every event is held out, and nothing is left to learn from
    status, output = run(shop, "--next", "event_type", "--held-out", "every", "--suffixes", "20")
    assert status == 0
    assert "The best rule is" in output
    for words in ("co-occurrence", "values of the history left out", "calibration error", "time to the next event"):
        assert words in output
    status, output = run(shop, "--next", "product_id", "--split", "all", "--json")
    found = json.loads(output)
    assert status == 0
    assert found["metric"] == "ndcg@10"
    assert {row["name"] for row in found["ranking"]} >= {"Markov", "last value", "most frequent", "co-occurrence"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "nothing to evaluate"),
        (("--suffixes", "3"), "no effect without --next"),
        (("--refit",), "--refit: no effect without --labels FILE"),
        (("--next", "event_type", "--end", "x"), "no effect without --suffixes"),
        (("--next", "size"), "no field 'size'"),
    ],
)
def test_what_has_no_effect_is_refused(shop: str, options: tuple[str, ...], reason: str) -> None:
    status, output = run(shop, *options)
    assert status == 2
    assert reason in output


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory, shop: str) -> str:
    """A label for each user of the shop, and a split."""
    folder = tmp_path_factory.mktemp("labels")
    assert CliRunner().invoke(main, ["decode", shop, "-o", f"{folder}/rows.parquet"]).exit_code == 0
    users = sorted(set(pyarrow.parquet.read_table(folder / "rows.parquet")["user_id"].to_pylist()))
    names = ("train", "train", "val", "test")
    lines = [f"{user},2019-10-25,{place // 4 % 2},{names[place % 4]}" for place, user in enumerate(users)]
    (folder / "labels.csv").write_text("\n".join(["user_id,date,target,split", *lines, ""]))
    return str(folder / "labels.csv")


@pytest.mark.slow
def test_aggregates_on_labels_need_no_model(shop: str, labels: str) -> None:
    pytest.importorskip("sklearn")
    options = ("--labels", labels, "--probe", "linear", "--resamples", "30", "--threads", "1")
    found = CliRunner().invoke(main, ["evaluate", shop, *options, "--json"])
    assert found.exit_code == 0, found.output
    (task,) = json.loads(found.stdout)["tasks"]
    assert [each["source"] for each in task["results"]] == ["constant", "aggregates"]
    assert (task["task"], task["kind"], task["metric"]) == ("target", "binary", "AUROC")
    _, output = run(shop, *options)
    assert "| aggregates | linear |" in output
    assert "verdict: " in output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--pooling", "mean"), "no effect without a RUN"),
        (("--task", "x"), "unknown task 'x'"),
        (("--split", "train"), "whose table gives the splits"),
        (("--clusters",), "give one of"),
    ],
)
def test_options_that_do_not_fit_labels_are_refused(
    shop: str, labels: str, options: tuple[str, ...], reason: str
) -> None:
    status, output = run(shop, "--labels", labels, *options)
    assert status > 0
    assert reason in output
