"""A run from an encoded folder to a result, on the CPU."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
import torch
import train_folders as folders

from domaintoolkit.errors import (
    ArtifactError,
    DivergedError,
    Interrupted,
    OutputError,
    SchemaError,
    VocabularyMismatchError,
)
from domaintoolkit.evaluate.part_ranks import rank_parts
from domaintoolkit.model import load_model
from domaintoolkit.storage.shards import shard_table
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train import Progress, Recipe, Result, load_recipe, read_log, train
from domaintoolkit.train.checkpoint import Checkpoints
from domaintoolkit.train.data.splits import open_splits
from domaintoolkit.train.memory import explain_out_of_memory
from domaintoolkit.train.progress import Validation
from domaintoolkit.train.run import _validate
from domaintoolkit.windows.loader import Loader
from domaintoolkit.windows.shard_histories import HistorySource, open_shards
from domaintoolkit.windows.window_rule import window_rule

RECIPE = Recipe(
    preset="54k",
    model={"dropout": 0.1},
    block=64,
    batch=2,
    accumulation=2,
    steps=8,
    warmup=2,
    evaluate_every=4,
    evaluate_blocks=4,
    checkpoint_every=2,
    keep=10,
)


class StoppedError(Exception):
    """What interrupts a run in these tests."""


def stop_at(step: int):  # type: ignore[no-untyped-def]
    def progress(report: Progress) -> None:
        if report.step >= step:
            raise StoppedError

    return progress


def quiet(report: Progress) -> None:
    pass


def weights(folder: Path, step: int) -> dict[str, torch.Tensor]:
    return Checkpoints(folder / "checkpoints", 10).load(step)[0]["model"]


@pytest.mark.slow
@pytest.mark.parametrize("family", ["token", "event"])
def test_a_run_that_is_resumed_is_the_run_that_was_not_stopped(encoded: Path, tmp_path: Path, family: str) -> None:
    recipe = replace(RECIPE, family=family, model=RECIPE.model)
    whole = train(encoded, tmp_path / "whole", recipe, progress=quiet)
    with pytest.raises(StoppedError):
        train(encoded, tmp_path / "stopped", recipe, progress=stop_at(5))
    last = Checkpoints(tmp_path / "stopped" / "checkpoints", 10).steps()[-1]
    assert last in (4, 6)
    resumed = train(encoded, tmp_path / "stopped", recipe, resume=True, progress=quiet)
    assert resumed.losses == whole.losses[last * recipe.accumulation :]
    assert resumed.validation == whole.validation
    left, right = weights(tmp_path / "whole", 8), weights(tmp_path / "stopped", 8)
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert resumed.comparison == whole.comparison


@pytest.mark.slow
def test_a_run_without_spelled_values_is_resumed_too(tmp_path: Path) -> None:
    """Its tails never get a gradient, and so the optimizer holds nothing for them."""
    table = folders.rows(60, 6)
    encoded = folders.write(tmp_path / "encoded", table, folders.tokenizer(table, pages=8))
    recipe = replace(RECIPE, family="event", steps=4, evaluate_every=1)
    whole = train(encoded, tmp_path / "whole", recipe, progress=quiet)
    with pytest.raises(StoppedError):
        train(encoded, tmp_path / "stopped", recipe, progress=stop_at(2))
    assert train(encoded, tmp_path / "stopped", recipe, progress=quiet).losses == whole.losses[4:]
    left, right = weights(tmp_path / "whole", 4), weights(tmp_path / "stopped", 4)
    assert all(torch.equal(left[name], right[name]) for name in left)


@pytest.mark.slow
def test_what_a_run_leaves_behind(encoded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = train(encoded, tmp_path / "run", replace(RECIPE, trackers=("tensorboard",), keep=1))
    assert load_recipe(tmp_path / "run" / "recipe.toml") == result.recipe
    assert (tmp_path / "run" / "tokenizer").is_dir()
    assert (tmp_path / "run" / "model" / "model.safetensors").is_file()
    assert list((tmp_path / "run" / "logs").rglob("*tfevents*"))
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert written["comparison"]["verdict"] == result.comparison.verdict
    assert [row.name for row in result.comparison.rows] == ["uniform", "unigram", "Markov", "model"]
    assert result.comparison.events > 0
    model, fields = result.comparison.rows[-1], result.comparison.fields
    parts = sum(bits for part, bits in model.bits_by_part.items() if part not in {"[SESSION]", "[cut off]", "[header]"})
    assert sum(cost.bits["model"] for cost in fields) == pytest.approx(parts)
    assert all(cost.over_markov.bits == pytest.approx(cost.bits["Markov"] - cost.bits["model"]) for cost in fields)
    begin, *steps, end = read_log(tmp_path / "run")
    assert (begin["data"], end["kind"]) == (str(encoded), "end")
    assert all(line["gradient_norm"] > 0 and line["tokens"] > 0 for line in steps)
    assert [line["step"] for line in steps if "validation" in line] == [4, 8]
    assert not [path for path in (tmp_path / "run").rglob("*") if path.suffix in {".pt", ".bin", ".pkl", ".pickle"}]
    assert "validation" in capsys.readouterr().err
    with pytest.raises(OutputError, match="finished training run"):
        train(encoded, tmp_path / "run", RECIPE)


@pytest.mark.slow
def test_resuming_refuses_another_recipe_and_another_vocabulary(encoded: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, steps=2, warmup=0)
    train(encoded, tmp_path / "run", short, progress=quiet)
    with pytest.raises(SchemaError, match="batch"):
        train(encoded, tmp_path / "run", replace(short, batch=3), resume=True, progress=quiet)
    train(encoded, tmp_path / "run", replace(short, keep=3), resume=True, progress=quiet)
    table = folders.rows(60, 6, seed=1)
    table = table.set_column(3, "note", [["new"] * len(table)])
    folders.write(tmp_path / "other", table, folders.tokenizer(table))
    with pytest.raises(VocabularyMismatchError):
        train(tmp_path / "other", tmp_path / "run", short, resume=True, progress=quiet)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_refused(encoded: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, steps=2, warmup=0)
    train(encoded, tmp_path / "run", short, progress=quiet)
    file = tmp_path / "run" / "checkpoints" / "step-00000002" / "optimizer.safetensors"
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ArtifactError, match=r"optimizer\.safetensors"):
        train(encoded, tmp_path / "run", short, resume=True, progress=quiet)


@pytest.mark.slow
def test_without_a_damaged_checkpoint_the_one_before_is_there(encoded: Path, tmp_path: Path) -> None:
    short = replace(RECIPE, steps=2, warmup=0, evaluate_every=1)
    whole = train(encoded, tmp_path / "run", short, progress=quiet)
    last = tmp_path / "run" / "checkpoints" / "step-00000002"
    (last / "model.safetensors").write_bytes(b"")
    with pytest.raises(ArtifactError, match=rf"delete {last} to continue from step 1"):
        train(encoded, tmp_path / "run", short, resume=True, progress=quiet)
    shutil.rmtree(last)
    assert train(encoded, tmp_path / "run", short, resume=True, progress=quiet).validation == whole.validation


def test_a_folder_of_something_else_is_left_alone(encoded: Path, tmp_path: Path) -> None:
    (tmp_path / "run" / "model").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"already holds something else \(model\)"):
        train(encoded, tmp_path / "run", RECIPE, progress=quiet)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["model"]


def test_ctrl_c_says_how_to_continue(encoded: Path, tmp_path: Path) -> None:
    def interrupt(report: Progress) -> None:
        if report.step == 1:
            raise KeyboardInterrupt

    short = replace(RECIPE, steps=2, warmup=0, evaluate_every=1)
    with pytest.raises(Interrupted, match=r"interrupted; .*checkpoint.*; run the same command again"):
        train(encoded, tmp_path / "run", short, progress=interrupt)


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{"learning_rate": 1e6}, {"weight_decay": 1e12}, {"learning_rate": 1e9, "evaluate_every": 1}]
)
def test_a_run_that_diverges_says_so_and_keeps_nothing_of_it(
    encoded: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    recipe = replace(RECIPE, steps=200, warmup=0, clip=0, checkpoint_every=1, **change)
    with pytest.raises(
        DivergedError, match=r"training has diverged: .* of step \d+ is not finite; .*lower learning rate"
    ):
        train(encoded, tmp_path / "run", recipe, progress=quiet)
    kept = Checkpoints(tmp_path / "run" / "checkpoints", 10).steps()
    assert all(tensor.isfinite().all() for step in kept for tensor in weights(tmp_path / "run", step).values())


@pytest.mark.parametrize("family", ["token", "event"])
@pytest.mark.parametrize("change", [{"block": 100_000_000}, {"batch": 50_000_000}])
def test_a_step_beyond_the_memory_is_refused_before_it_is_tried(
    encoded: Path, tmp_path: Path, family: Any, change: dict[str, int]
) -> None:
    with pytest.raises(SchemaError, match=r"batch: a batch of .* positions takes about .* GiB"):
        train(encoded, tmp_path / "run", replace(RECIPE, family=family, model={}, **change), progress=quiet)
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_failed_allocation_is_explained() -> None:
    with pytest.raises(SchemaError, match="does not fit into memory"), explain_out_of_memory(RECIPE):
        torch.empty(1 << 60)
    with pytest.raises(RuntimeError, match="another"), explain_out_of_memory(RECIPE):
        raise RuntimeError("another")


@pytest.mark.slow
def test_it_stops_early_when_validation_gets_no_better(encoded: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=400, warmup=0, learning_rate=1.0, patience=1, evaluate_every=1, checkpoint_every=50)
    result = train(encoded, tmp_path / "run", recipe, progress=quiet)
    assert result.steps < 400
    bits = [value for _, value in result.validation]
    assert bits[result.best_step - 1] == min(bits)


@pytest.mark.slow
def test_weights_are_kept_for_what_the_run_is_for(
    encoded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The costs of the next event fall and rise again, and those of later events rise and fall."""
    costs = iter([(5.0, 1.0), (4.0, 2.0), (6.0, 0.5)] * 2)
    monkeypatch.setattr("domaintoolkit.train.run._validate", lambda model, splits, loss: _pick(splits, *next(costs)))
    recipe = replace(RECIPE, family="event", steps=3, warmup=0, evaluate_every=1)
    assert train(encoded, tmp_path / "events", recipe, progress=quiet).best_step == 2
    entities = train(encoded, tmp_path / "entities", replace(recipe, purpose="entities"), progress=quiet)
    assert (entities.best_step, entities.validation) == (3, ((1, 5.0), (2, 4.0), (3, 6.0)))
    with pytest.raises(SchemaError, match="needs an event model with later above 0"):
        replace(RECIPE, purpose="entities")


def _pick(splits: Any, bits: float, later: float) -> Validation:
    return Validation(bits) if splits.recipe.purpose == "events" else Validation(bits, later_nats=later)


@pytest.mark.slow
def test_weights_for_entities_are_chosen_by_all_later_events(encoded: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, family="event", model={}, steps=2, warmup=0, evaluate_every=2, purpose="entities")
    train(encoded, tmp_path / "run", recipe, progress=quiet)
    state = Checkpoints(tmp_path / "run" / "checkpoints", 10).load(2)[1]["state"]
    model, splits = load_model(tmp_path / "run", "cpu"), _open(encoded, recipe)
    found = _validate(model, splits, model.loss)
    assert found is not None
    assert state["best"] == pytest.approx(found.chosen, rel=1e-4)
    assert found.bits == pytest.approx(state["validation"][0][1], rel=1e-4)
    assert 0 < found.chosen < math.log(model.config.vocabulary_size)


@pytest.mark.slow
def test_weights_for_ranking_are_chosen_by_the_ranks_of_what_came(encoded: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, family="event", model={}, steps=2, warmup=0, evaluate_every=2, purpose="ranking")
    train(encoded, tmp_path / "run", recipe, progress=quiet)
    state = Checkpoints(tmp_path / "run" / "checkpoints", 10).load(2)[1]["state"]
    model, splits = load_model(tmp_path / "run", "cpu"), _open(encoded, recipe)
    ranks = [
        rank_parts(model, windows.ids, windows.offsets)
        for _, windows in splits.held_out_batches(splits.validation, recipe.evaluate_blocks)
    ]
    means = [
        sum(each.reciprocal for each in part) / sum(each.count for each in part) for part in zip(*ranks, strict=True)
    ]
    assert state["best"] == pytest.approx(-np.mean(means), rel=1e-4)
    with pytest.raises(SchemaError, match="'ranking' needs base tokens"):
        replace(RECIPE, purpose="ranking", segmentation="spr")


def _open(encoded: Path, recipe: Recipe) -> Any:
    tokenizer = DomainTokenizer.load(encoded / "tokenizer")
    return open_splits(open_shards(encoded), recipe, tokenizer.grammar, window_rule(tokenizer))


@pytest.mark.slow
def test_a_small_model_learns_the_order_of_pages(tmp_path: Path) -> None:
    table = folders.rows(300, 12)
    encoded = folders.write(tmp_path / "encoded", table, folders.tokenizer(table, pages=8))
    recipe = replace(RECIPE, family="event", model={}, steps=80, batch=8, accumulation=1, evaluate_every=80)
    result: Result = train(encoded, tmp_path / "run", recipe, progress=quiet)
    by_name = {row.name: row for row in result.comparison.rows}
    pages = {name: row.bits_by_part["page"] for name, row in by_name.items()}
    assert pages["model"] < pages["unigram"] - 0.5
    assert result.comparison.sentence in str(result)


def test_without_held_out_entities_there_is_no_verdict(tmp_path: Path) -> None:
    table = folders.rows(20, 6)
    made = folders.tokenizer(table)
    streams = shard_table(made.encode(table))
    users = streams.filter(pc.equal(streams["split"], "train"))["user"]
    folder = folders.write(tmp_path / "few", table.filter(pc.is_in(table["user"], users)), made, shards=1)
    result = train(folder, tmp_path / "run", replace(RECIPE, steps=2, warmup=0), progress=quiet)
    assert "the validation split is empty" in result.notes[0]
    assert (result.best_step, result.validation, result.comparison.verdict) == (2, (), "none")
    assert "no verdict: no events were held out" in str(result)


@pytest.mark.slow
@pytest.mark.parametrize("family", ["token", "event"])
def test_the_last_event_of_every_history_can_be_held_out(encoded: Path, tmp_path: Path, family: Any) -> None:
    """The cost of the last event is that of the whole history less that of the history without it."""
    recipe = replace(RECIPE, family=family, model={}, block=1024, steps=2, warmup=0, held_out="last")
    result = train(encoded, tmp_path / "run", recipe, progress=quiet)
    table = folders.rows(120, 12)
    long = [count for count in table.group_by("user").aggregate([("at", "count")])["at_count"].to_pylist() if count > 2]
    assert (result.comparison.split, result.comparison.events) == ("the last events", len(long))
    assert result.comparison.verdict != "none"
    assert len(result.validation) == 1
    tokenizer, model = DomainTokenizer.load(encoded / "tokenizer"), load_model(tmp_path / "run", "cpu")
    costs = []
    for cut in (0, 1):
        source = HistorySource(open_shards(encoded), without_last=cut, long_only=True)
        loader = Loader(source, window_rule(tokenizer), 1024, 2, "events" if family == "event" else "tokens")
        splits = open_splits(open_shards(encoded), recipe, tokenizer.grammar, window_rule(tokenizer))
        with torch.no_grad():
            reports = [model.loss(batch) for batch, _ in splits.held_out_batches(loader)]
        costs.append(sum(float(report.nats_by_part[:-1].sum()) for report in reports))
    bits = (costs[0] - costs[1]) / len(long) / math.log(2)
    assert result.comparison.rows[-1].bits_per_event == pytest.approx(bits, rel=1e-3)


@pytest.mark.slow
def test_nothing_is_held_out_on_request(encoded: Path, tmp_path: Path) -> None:
    recipe = replace(RECIPE, steps=2, warmup=0, held_out="none")
    result = train(encoded, tmp_path / "run", recipe, progress=quiet)
    assert (result.notes, result.comparison.verdict, result.comparison.split) == ((), "none", "training")


@pytest.mark.slow
def test_histories_that_fit_into_no_block_are_reported(tmp_path: Path) -> None:
    table = folders.rows(60, 6)
    made = folders.tokenizer(table)
    long = pc.if_else(pc.equal(table["user"], 0), "x" * 80, table["country"])
    folder = folders.write(tmp_path / "long", table.set_column(4, "country", long), made)
    result = train(folder, tmp_path / "run", replace(RECIPE, steps=2, warmup=0), progress=quiet)
    (note,) = (note for note in result.notes if "left out" in note)
    assert note.startswith("1 histories for ")
    assert note in str(result)
