"""The label rows of a task as fine-tuning takes them: split, targets, columns, and vectors of their histories."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domaintoolkit.embeddings import EmbeddingSettings, embed_labels
from domaintoolkit.errors import DataError, LookupFailedError, Refusal
from domaintoolkit.finetune.fused_columns import ColumnFit, ColumnValues, fit_columns, read_columns
from domaintoolkit.finetune.objectives import Objective, find_objective
from domaintoolkit.finetune.settings import FinetuneSettings
from domaintoolkit.jobs import Progress
from domaintoolkit.labels import LabelTable, Placement, place_labels
from domaintoolkit.model import EventModel, TokenModel
from domaintoolkit.storage import EncodedFolder

__all__ = ["TuningData", "embed_rows", "open_data"]

Longs = NDArray[np.int64]
Model = TokenModel | EventModel
TRAIN, VALIDATION, TEST = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class TuningData:
    """The n label rows that have a value of the task; arrays are (n,) if nothing else is said."""

    folder: EncodedFolder
    labels: LabelTable
    """The rows of the task alone."""
    placed: Placement
    values: NDArray[np.float64]
    splits: NDArray[np.uint8]
    groups: Longs
    """For ranking, the number of each row's group; otherwise 0."""
    entities: Longs
    """The number of each row's history; unknown entities have negative ones, each its own."""
    objective: Objective
    fits: tuple[ColumnFit, ...]
    columns: ColumnValues

    def rows(self, split: int) -> Longs:
        """The rows of a split that have a weight."""
        return np.flatnonzero((self.splits == split) & (self.labels.weights > 0))

    def score(self, predicted: NDArray[np.float64], rows: Longs) -> dict[str, float]:
        """The metrics of the predictions of some rows."""
        return self.objective.score(predicted, self.values[rows], self.groups[rows], self.labels.weights[rows])

    @property
    def trained(self) -> Longs:
        """The training rows of known entities: unknown ones have no history to learn from."""
        rows = self.rows(TRAIN)
        return rows[self.placed.histories[rows] >= 0]

    @property
    def counts(self) -> dict[str, int]:
        """Label rows by split, and those without a history."""
        found = self.placed.counts
        sizes = {name: len(self.rows(code)) for code, name in enumerate(("train", "validation", "test"))}
        return {**sizes, "unknown": found["unknown"], "without_events": found["without_events"]}


def open_data(folder: EncodedFolder, labels: LabelTable, settings: FinetuneSettings) -> TuningData:
    """The rows of the settings' task; raises `DataError` if there is nothing to learn."""
    task = labels.task(settings.task)
    own = labels.select(task.rows)
    placed = place_labels(folder, own)
    # a row without weight teaches nothing
    training = (placed.splits == TRAIN) & (own.weights > 0)
    objective = find_objective(task, training, own.weights, settings.objective == "ranking")
    fits = fit_columns(own.table, tuple(settings.columns), np.flatnonzero(training))
    unknown = placed.histories < 0
    if not (training & ~unknown).any():
        reason = "has no training row of an entity that the streams have, so that there is nothing to learn"
        raise DataError([Refusal(None, task.name, reason)])
    return TuningData(
        folder=folder,
        labels=own,
        placed=placed,
        values=task.values,
        splits=placed.splits,
        groups=_find_groups(own, settings.group),
        # unknown entities are taken to be different ones: nothing says which rows share one
        entities=np.where(unknown, -1 - np.arange(len(unknown)), placed.histories),
        objective=objective,
        fits=fits,
        columns=read_columns(own.table, fits),
    )


def _find_groups(labels: LabelTable, name: str | None) -> Longs:
    if name is None:
        return np.zeros(len(labels), np.int64)
    if name not in labels.table.column_names:
        raise LookupFailedError("column of the label table", name, labels.table.column_names)
    column = labels.table[name].combine_chunks()
    column = column if isinstance(column, pa.Array) else pa.concat_arrays(column.chunks)
    return np.asarray(column.dictionary_encode(null_encoding="encode").indices).astype(np.int64)


def embed_rows(
    model: Model, data: TuningData, rows: Longs, settings: FinetuneSettings, progress: Progress | None = None
) -> NDArray[np.float32]:
    """(n, vector) of some rows, as the model now gives them; those of unknown entities included."""
    histories, events = data.placed.histories[rows], data.placed.events[rows]
    # `Placement` keeps its rows by history, then by number of events
    placed = Placement(histories, events, data.placed.splits[rows], np.lexsort((events, histories)))
    how = EmbeddingSettings(settings.pooling, settings.window)
    return embed_labels(model, data.folder, data.labels.select(rows), settings=how, placement=placed, progress=progress)
