from __future__ import annotations

import json

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


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "nothing to evaluate"),
        (("--suffixes", "3"), "no effect without --next"),
        (("--next", "event_type", "--end", "x"), "no effect without --suffixes"),
        (("--next", "size"), "no field 'size'"),
    ],
)
def test_what_has_no_effect_is_refused(shop: str, options: tuple[str, ...], reason: str) -> None:
    status, output = run(shop, *options)
    assert status == 2
    assert reason in output
