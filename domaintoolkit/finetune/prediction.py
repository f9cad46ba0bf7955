"""`predict`: a probability or a value for each row of a label table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.embeddings import EmbeddingSettings, embed_labels
from domaintoolkit.finetune.fused_columns import read_columns
from domaintoolkit.finetune.objectives import Objective
from domaintoolkit.finetune.saved_head import load_head
from domaintoolkit.jobs import Progress
from domaintoolkit.labels import LabelTable, place_labels
from domaintoolkit.model import load_model
from domaintoolkit.storage import open_encoded

__all__ = ["predict"]


def predict(
    run: str | Path,
    encoded: str | Path,
    labels: LabelTable,
    device: str | None = None,
    progress: Progress | None = None,
) -> pa.Table:
    """The predictions of a fine-tuned run for each row of a label table, as of its date, in the order of the rows.

    The columns are those that identify a row (key, date, task), `events` (how many are known), and: of a binary target
    `probability`, that of the positive class; of more classes `predicted` and `probability <class>` for each; of a
    number `predicted`; of a ranking `score`. A target column is not needed. An entity that is unknown, or has no event
    before the date, is predicted from an empty history.
    """
    folder, model = open_encoded(encoded), load_model(run, device)
    tuned = load_head(Path(run), model)
    columns = read_columns(labels.table, tuned.fits)
    placed = place_labels(folder, labels)
    how = EmbeddingSettings(tuned.settings.pooling, tuned.settings.window)
    vectors = embed_labels(model, folder, labels, settings=how, placement=placed, progress=progress)
    table = labels.identity.append_column("events", pa.array(placed.events))
    for name, column in _name_predictions(tuned.predict(vectors, columns), tuned.objective).items():
        table = table.append_column(name, column)
    return table


def _name_predictions(found: NDArray[np.float64], objective: Objective) -> dict[str, pa.Array]:
    if objective.kind == "binary":
        return {"probability": pa.array(found[:, 1])}
    if objective.kind == "multiclass":
        names = pa.array(objective.classes).take(pa.array(found.argmax(1)))
        shares = {f"probability {name}": pa.array(found[:, code]) for code, name in enumerate(objective.classes)}
        return {"predicted": names, **shares}
    return {"score" if objective.kind == "ranking" else "predicted": pa.array(found[:, 0])}
