from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
import torch
from click.testing import CliRunner

import domaintoolkit as dt
from domaintoolkit.cli.main import main
from domaintoolkit.clusters import ClusterSettings, evaluate_clusters
from domaintoolkit.clusters.cluster_evaluation import is_set
from domaintoolkit.errors import SchemaError
from domaintoolkit.jobs import encode
from domaintoolkit.model import EventModel, event_preset
from domaintoolkit.reading import read_sample
from domaintoolkit.registry import get_domain
from domaintoolkit.storage import open_encoded


@pytest.fixture(scope="module")
def ads(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, EventModel]:
    folder = tmp_path_factory.mktemp("ads") / "streams"
    domain = get_domain("ads-bots")
    table = read_sample(domain, 8_000, seed=3).read_all()
    encode(dt.DomainTokenizer(domain.schema).fit(table), table, folder)
    tokenizer = dt.DomainTokenizer.load(open_encoded(folder).tokenizer_folder)
    torch.manual_seed(0)
    config = event_preset("54k", len(tokenizer.vocabulary), layers=1)
    model = EventModel(config, tokenizer.grammar, tokenizer.vocabulary.hash)
    model.save_pretrained(folder.parent / "run" / "model")
    return folder, model


@pytest.mark.slow
def test_bots_are_found_at_a_fixed_share_of_converting_events(ads: tuple[Path, EventModel]) -> None:
    folder, model = ads
    rules = get_domain("ads-bots").bot_rules
    settings = ClusterSettings(
        rules=rules, converted="is_attributed", truth="clicker", people=("person", "network"), rate=0.1, repeats=2
    )
    report = evaluate_clusters(model, folder, settings)
    assert [row.name for row in report.rows] == ["model", "untrained model", "rules alone"]
    for row in report.rows:
        assert row.calibrated.greatest <= 0.1
        assert row.people is not None
        assert row.bots is not None
        assert row.bots.mean > row.people.mean
        assert set(row.by_kind) >= {"person", "hammer"}
        assert list(row.by_length) == ["1", "2 to 5", "6 to 20", "21 to 100", "101 or more"]


def test_what_is_not_there_is_named(ads: tuple[Path, EventModel]) -> None:
    folder, model = ads
    with pytest.raises(SchemaError, match="no label 'bought'; they have: 'is_attributed', 'clicker'"):
        evaluate_clusters(model, folder, ClusterSettings(rules=("steady",), converted="bought"))
    settings = ClusterSettings(rules=("steady",), converted="is_attributed", truth="clicker", people=("human",))
    with pytest.raises(SchemaError, match="'human' is not a value of 'clicker'"):
        evaluate_clusters(model, folder, settings)


@pytest.mark.slow
def test_the_command_prints_it(ads: tuple[Path, EventModel]) -> None:
    folder, _ = ads
    arguments = ["evaluate", str(folder.parent / "run"), str(folder), "--clusters", "--converted", "is_attributed"]
    result = CliRunner().invoke(main, [*arguments, "--rules-of", "ads", "--rule", "fast", "--cluster-count", "12"])
    assert result.exit_code == 0
    assert "untrained model" in result.output
    found = json.loads(CliRunner().invoke(main, [*arguments, "--rule", "fast", "--json"]).output)
    assert found["rules"] == ["fast"]
    assert "less than one event" in found["notes"][0]
    assert CliRunner().invoke(main, arguments).exit_code == 2  # no rules


def test_words_for_no_do_not_convert() -> None:
    texts = ["Y", "N", "n ", "FALSE", "0.0", "", None, "no", "yes", "1"]
    assert is_set(pa.array(texts)).tolist() == [True, *[False] * 7, True, True]
    assert is_set(pa.array([1.0, 0.0, float("nan"), None])).tolist() == [True, False, False, False]
