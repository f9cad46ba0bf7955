from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import domaintoolkit as dt
from domaintoolkit.clusters.traffic_rules import RULES, rank_entities, rule_values
from domaintoolkit.errors import SchemaError
from domaintoolkit.jobs import encode
from domaintoolkit.next_events import FolderHistories, read_histories
from domaintoolkit.storage import open_encoded

SECOND = 1_000_000

Read = tuple[FolderHistories, dt.DomainTokenizer, list[str]]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """A person, a bot that goes round three channels at a steady beat, and one that clicks once."""
    random = np.random.default_rng(0)
    person = np.cumsum(np.exp(random.normal(8, 2, 40))).astype(np.int64)
    rows = {
        "who": ["person"] * 40 + ["bot"] * 40 + ["once"],
        "at": pa.array(np.concatenate([person, np.arange(40) * 60, [5]]) * SECOND, pa.timestamp("us")),
        "channel": [*random.choice(["a", "b", "c", "d"], 40), *("a", "b", "c") * 13, "a", "a"],
    }
    folder: Path = tmp_path_factory.mktemp("clicks") / "streams"
    schema = dt.Schema(entity="who", time="at", fields=[dt.Categorical("channel"), dt.Timestamp("at")])
    table = pa.table(rows)
    encode(dt.DomainTokenizer(schema).fit(table), table, folder)
    encoded = open_encoded(folder)
    tokenizer = dt.DomainTokenizer.load(encoded.tokenizer_folder)
    names = [name for k in range(len(encoded.manifest.shards)) for name in encoded.table(k)["who"].to_pylist()]
    return read_histories(encoded, tokenizer.grammar), tokenizer, names


@pytest.mark.parametrize("rule", ["steady", "fast", "cycles:channel"])
def test_a_bot_is_steadier_faster_and_more_regular(rule: str, read: Read) -> None:
    histories, tokenizer, names = read
    found = dict(zip(names, rule_values(histories, tokenizer, rule), strict=True))
    assert found["bot"] > found["person"]
    assert np.isnan(found["once"])


def test_other_rules_count(read: Read) -> None:
    histories, tokenizer, names = read

    def found(rule: str) -> dict[str, float]:
        return dict(zip(names, rule_values(histories, tokenizer, rule).tolist(), strict=True))

    assert found("varies:channel")["bot"] == 3 / 40
    assert found("repeats:channel")["bot"] == 14 / 40
    assert found("busy")["once"] == pytest.approx(np.log(2))
    assert found("sleepless")["bot"] == 1 / 24


def test_a_rule_that_does_not_exist_is_named(read: Read) -> None:
    histories, tokenizer, _ = read
    for rule, reason in (
        ("quick", "unknown rule"),
        ("repeats", "expected repeats:FIELD"),
        ("steady:at", "expected steady"),
    ):
        with pytest.raises(SchemaError, match=reason):
            rule_values(histories, tokenizer, rule)
    assert len(RULES) == 7


def test_ranks_are_shares_and_ties_share_theirs() -> None:
    np.testing.assert_allclose(
        rank_entities(np.array([3.0, 1.0, 3.0, np.nan, 0.0])), [0.75, 0.375, 0.75, np.nan, 0.125]
    )
