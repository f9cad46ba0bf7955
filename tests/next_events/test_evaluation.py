from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import domaintoolkit as dt
from domaintoolkit.errors import DataError, SchemaError
from domaintoolkit.generate import score_values
from domaintoolkit.jobs import encode
from domaintoolkit.model import EventModel, TokenModel, event_preset, preset
from domaintoolkit.next_events import NextSettings, evaluate_next
from domaintoolkit.storage import open_encoded


def rows(count: int = 1200) -> dict[str, Any]:
    """Visits in which c follows b, b follows a, and a begins, a day apart; one in ten steps is any."""
    random = np.random.default_rng(0)
    user = np.repeat(np.arange(count // 12), 12)
    step = np.tile(np.arange(12), count // 12)
    what = np.where(random.random(count) < 0.1, random.integers(0, 3, count), step % 3)
    return {
        "user": user,
        "at": np.datetime64("2024-01-01", "us") + (step * 86_400_000_000 + user).astype("timedelta64[us]"),
        "what": np.array(["a", "b", "c"])[what],
        "visit": step // 3,
        "how": random.integers(0, 4, count).astype(str),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("visits") / "streams"
    fields = [dt.Categorical("how", max_size=2), dt.Categorical("what", max_size=2), dt.Timestamp("at", parts=["hour"])]
    schema = dt.Schema(entity="user", time="at", session="visit", fields=fields)
    table = pa.table(rows())
    encode(dt.DomainTokenizer(schema).fit(table), table, place)
    return place


def model_of(folder: Path, seed: int = 0) -> EventModel:
    tokenizer = dt.DomainTokenizer.load(open_encoded(folder).tokenizer_folder)
    torch.manual_seed(seed)
    config = event_preset("54k", len(tokenizer.vocabulary), block=8, layers=1)
    return EventModel(config, tokenizer.grammar, tokenizer.vocabulary.hash)


@pytest.mark.slow
def test_rules_tell_what_follows(folder: Path) -> None:
    report = evaluate_next(None, folder, NextSettings(field="what", held_out="every"))
    found = {row.name: row.figures["accuracy"].value for row in report.rows}
    assert found["Markov"] > 0.85
    assert found["last value"] < 0.2
    assert found["most frequent"] < 0.5
    assert report.metric == "accuracy"
    assert "Markov" in report.verdict or "co-occurrence" in report.verdict
    assert report.values == 3
    errors = {row.name: row.error.value for row in report.times}
    assert errors["median gap"] < 1
    markov = next(row for row in report.rows if row.name == "Markov")
    assert markov.reliability is not None
    assert markov.reliability.error < 0.1


@pytest.mark.slow
def test_a_model_is_ranked_as_the_library_scores_it(folder: Path) -> None:
    """Of histories that are longer than the model reads, both see the same window."""
    model = model_of(folder)
    report = evaluate_next(model, folder, NextSettings(field="how", split="all", samples=2))
    (row,) = [row for row in report.rows if row.name == "model"]
    assert row.reliability is not None
    assert report.cases == 100
    tokenizer = dt.DomainTokenizer.load(open_encoded(folder).tokenizer_folder)
    table = rows()
    right = []
    for user in range(100):
        # the block holds seven events, and a later window begins at a multiple of three: half of them
        window = {name: column[user * 12 + 6 : user * 12 + 11] for name, column in table.items()}
        known = {name: column[user * 12 : user * 12 + 11] for name, column in table.items()}
        made = [score_values(model, tokenizer, tokenizer.encode(rows), "how", list("0123")) for rows in (window, known)]
        # a window begins as a history of its own: its date is that of its first event, which has no time before it
        np.testing.assert_allclose(made[0][1], made[1][1], rtol=1e-5)
        right.append(made[0][0][int(made[0][1][0].argmax())] == table["how"][user * 12 + 11])
    assert row.figures["accuracy"].value == pytest.approx(np.mean(right))


@pytest.mark.slow
def test_a_token_model_tells_values_and_gaps(folder: Path) -> None:
    tokenizer = dt.DomainTokenizer.load(open_encoded(folder).tokenizer_folder)
    torch.manual_seed(0)
    config = preset("54k", len(tokenizer.vocabulary), block=32, layers=1)
    model = TokenModel(config, tokenizer.grammar, tokenizer.vocabulary.hash)
    report = evaluate_next(model, folder, NextSettings(field="what", samples=2, most_cases=12))
    assert {"model", "Markov"} <= {row.name for row in report.rows}
    assert "model" in {row.name for row in report.times}
    assert any("the mean over 2 draws" in note for note in report.notes)


@pytest.mark.slow
def test_an_untrained_model_is_mixed_with_the_rule_that_knows(folder: Path) -> None:
    """The weight is found on other events than those to predict, and the mixture is no worse than the model."""
    report = evaluate_next(model_of(folder, seed=2), folder, NextSettings(field="what", split="all", samples=2))
    found = {row.name: row.figures["accuracy"].value for row in report.rows}
    assert found["model and rule"] > 0.8 > found["model"]
    assert "the model predicts certainly better than" in report.verdict or "With" in report.verdict


@pytest.mark.slow
def test_the_values_of_a_whole_session_are_told(folder: Path) -> None:
    report = evaluate_next(
        model_of(folder), folder, NextSettings(field="what", held_out="session", split="all", samples=2)
    )
    assert report.cases == 100
    assert all(0 <= row.figures["recall@5"].value <= 1 for row in report.rows)
    assert {"ndcg_whole@10", "ndcg@10"} <= set(report.rows[0].figures)
    assert all(row.reliability is None for row in report.rows)  # one probability cannot be that of several values


@pytest.mark.slow
def test_suffixes_are_written_until_the_value_that_ends_a_history(folder: Path) -> None:
    settings = NextSettings(field="what", held_out="every", suffixes=4, end="c", samples=2, most_cases=20)
    report = evaluate_next(model_of(folder), folder, settings)
    assert [row.name for row in report.suffixes] == ["after the last value", "model"]
    assert all(0 <= row.similarity.value <= 1 for row in report.suffixes)
    assert report.suffix_cases == 4


@pytest.mark.slow
def test_what_cannot_be_told_is_said(folder: Path) -> None:
    with pytest.raises(SchemaError, match="no field 'size'"):
        evaluate_next(None, folder, NextSettings(field="size"))
    with pytest.raises(SchemaError, match="expected last, session, every, or a date"):
        evaluate_next(None, folder, NextSettings(field="what", held_out="soon"))
    with pytest.raises(DataError, match="no history has an event to hold out"):
        evaluate_next(None, folder, NextSettings(field="what", held_out="2030-01-01"))
    dated = evaluate_next(None, folder, NextSettings(field="what", held_out="2024-01-12", split="all"))
    assert dated.cases == 100
