"""Fine-tuning from a small run to a saved one, and its predictions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import labelled_shop
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
import train_folders as folders

from domaintoolkit.errors import ArtifactError, DataError, LookupFailedError, OutputError, SchemaError
from domaintoolkit.finetune import FinetuneSettings, TuningProgress, finetune, predict
from domaintoolkit.labels import LabelSettings, LabelTable, read_labels
from domaintoolkit.model import load_model
from domaintoolkit.storage import open_encoded
from domaintoolkit.train import verify_run

Shop = tuple[Path, Path, pa.Table]
FAST = FinetuneSettings(epochs=8.0, batch=16, learning_rate=5e-3, evaluations=4, seed=1)


def read(shop: Shop, target: str = "target", **settings: Any) -> LabelTable:
    encoded, _, table = shop
    made = LabelSettings(headers={"target": target, **settings.pop("headers", {})}, **settings)
    return read_labels(labelled_shop.labels(table), open_encoded(encoded), made)


def quiet(_: TuningProgress) -> None:
    pass


def tune(shop: Shop, labels: LabelTable, out: Path, settings: FinetuneSettings = FAST, **options: Any) -> Any:
    return finetune(shop[1], shop[0], labels, out, settings, progress=quiet, **{"compare": False, **options})


@pytest.mark.slow
def test_a_target_is_learned_saved_and_predicted_as_of_its_date(shop: Shop, tmp_path: Path) -> None:
    labels = read(shop)
    result = tune(shop, labels, tmp_path / "tuned", compare=True)
    assert [row.name for row in result.rows] == ["constant", "LightGBM on embeddings", "tuned"]
    assert result.rows[-1].metrics["auroc"] > 0.8
    assert result.rows[0].metrics["auroc"] == 0.5
    assert verify_run(tmp_path / "tuned").result is not None
    made = predict(tmp_path / "tuned", shop[0], labels)
    assert made.column_names == ["user", "date", "events", "probability"]
    assert made["user"].equals(labels.table["user"])
    yes = np.array(labels.table["target"].to_pylist()) == "yes"
    shares = made["probability"].to_numpy()
    assert shares[yes].mean() > shares[~yes].mean() + 0.2
    with pytest.raises(OutputError, match="finished run"):
        tune(shop, labels, tmp_path / "tuned")
    # the same histories without anything from the date on give the same predictions
    table = shop[2].append_column("until", labels.table["date"].take(_places(shop[2], labels)))
    before = table.filter(pc.less(table["at"].cast("int64"), table["until"].cast("int64"))).drop(["until"])
    encoded = folders.write(tmp_path / "before", before, folders.tokenizer(shop[2], pages=8))
    cut = predict(tmp_path / "tuned", encoded, labels)
    there = np.flatnonzero(made["events"].to_numpy() > 0)
    assert cut["events"].equals(made["events"])
    assert np.allclose(cut["probability"].to_numpy()[there], shares[there], atol=1e-6)


def _places(table: pa.Table, labels: LabelTable) -> pa.Array:
    return pc.index_in(table["user"].combine_chunks(), value_set=labels.table["user"].combine_chunks())


@pytest.mark.slow
def test_a_run_that_is_continued_is_the_run_that_was_not_stopped(shop: Shop, tmp_path: Path) -> None:
    labels = read(shop)
    settings = replace(FAST, epochs=2.0, columns=("age",))
    whole = tune(shop, labels, tmp_path / "whole", settings)

    def stop(state: TuningProgress) -> None:
        if state.validation is not None:
            raise RuntimeError(str(state))

    with pytest.raises(RuntimeError, match="validation auroc"):
        finetune(shop[1], shop[0], labels, tmp_path / "part", settings, compare=False, progress=stop)
    with pytest.raises(SchemaError, match="batch: was 16 when the run began, now 17"):
        tune(shop, labels, tmp_path / "part", replace(settings, batch=17))
    part = tune(shop, labels, tmp_path / "part", settings)
    assert (part.validation, part.rows) == (whole.validation, whole.rows)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "kind", "changes"),
    [
        ("even", "regression", {"tuned": "last", "pooling": "mean"}),
        ("visits", "multiclass", {"tuned": "head", "head_width": 0}),
        ("rank", "ranking", {"objective": "ranking", "group": "race", "tuned": "head", "columns": ("age",), "seed": 4}),
    ],
)
def test_every_kind_of_target_and_every_part_of_the_model(
    shop: Shop, tmp_path: Path, target: str, kind: str, changes: dict[str, Any]
) -> None:
    labels = read(shop, target, kind="multiclass" if kind == "multiclass" else None)
    settings = replace(FAST, **changes)
    result = tune(shop, labels, tmp_path / "tuned", settings)
    assert result.kind == kind
    # the ten test rows have few pairs in one race: their concordance is often a half by chance
    metric = "ndcg" if kind == "ranking" else result.metric
    constant, tuned = (row.metrics[metric] for row in (result.rows[0], result.rows[-1]))
    assert tuned > constant if kind == "ranking" else tuned < constant
    before, after = (dict(load_model(run, "cpu").named_parameters()) for run in (shop[1], tmp_path / "tuned"))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert bool(changed) == (settings.tuned == "last")
    assert not [name for name in changed if not name.startswith("decoder.")]
    made = predict(tmp_path / "tuned", shop[0], labels)
    column = {"regression": "predicted", "multiclass": "probability low", "ranking": "score"}[kind]
    assert np.isfinite(made[column].to_numpy()).all()


@pytest.mark.slow
def test_what_cannot_be_learned_or_predicted_is_refused(shop: Shop, tmp_path: Path) -> None:
    labels = read(shop)
    with pytest.raises(LookupFailedError, match="column of the label table"):
        tune(shop, labels, tmp_path / "tuned", replace(FAST, columns=("nothing",)))
    same = read_labels(pa.table({"user": [1, 2], "target": [1, 1]}), open_encoded(shop[0]))
    with pytest.raises(DataError, match="nothing to learn"):
        tune(shop, same, tmp_path / "tuned")
    others = pa.table({"user": [-1, -2, -3], "target": [0, 1, 1], "split": ["train"] * 3})
    with pytest.raises(DataError, match="of an entity that the streams have"):
        tune(shop, read_labels(others, open_encoded(shop[0])), tmp_path / "tuned")
    with pytest.raises(ArtifactError, match="has no head"):
        predict(shop[1], shop[0], labels)
    with pytest.raises(SchemaError, match="has no effect"):
        FinetuneSettings(layers=2)
