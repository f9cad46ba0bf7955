"""`finetune`: a run, an encoded folder and labels in; a run with a head for the labels' target out."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.display import LiveLine
from domaintoolkit.errors import ArtifactError, Interrupted, OutputError, Problem, SchemaError
from domaintoolkit.finetune.after_fact import bootstrap_gain, predict_with_trees
from domaintoolkit.finetune.network import TargetHead
from domaintoolkit.finetune.saved_head import TunedHead, save_head
from domaintoolkit.finetune.settings import FinetuneSettings, settings_to_toml
from domaintoolkit.finetune.trainer import HeadTrainer
from domaintoolkit.finetune.tuning_data import TEST, TRAIN, VALIDATION, TuningData, embed_rows, open_data
from domaintoolkit.finetune.tuning_progress import TuningProgress
from domaintoolkit.finetune.tuning_result import TuningResult, TuningRow
from domaintoolkit.jobs import Progress
from domaintoolkit.labels import LabelTable
from domaintoolkit.model import EventModel, TokenModel, find_pooler, load_model
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import continuing
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train import (
    Checkpoints,
    begin_run,
    clear_leftovers,
    finish_run,
    is_finished,
    load_run_recipe,
    recipe_to_toml,
)

__all__ = ["finetune"]

CHECKPOINTS = "checkpoints"
SPLIT_NAMES = ("training", "validation", "test")


def finetune(
    run: str | Path,
    encoded: str | Path,
    labels: LabelTable,
    out: str | Path,
    settings: FinetuneSettings | None = None,
    device: str | None = None,
    compare: bool = True,
    progress: Callable[[TuningProgress], None] | None = None,
) -> TuningResult:
    """Fine-tune the model of a run for a target of a label table, whose rows know only the events before their dates.

    `out` becomes a run like any other, with the tuned model, its head and its result: `embed`, `predict`, `generate`
    and `verify` take it. The same call continues a run that was stopped. With `compare`, the tuned model is compared
    on test rows with a constant, and with LightGBM (if it is installed) on the embeddings before tuning.

    Raises `OutputError` if `out` holds a finished run, and `DataError` if there is nothing to learn.
    """
    folder, chosen = Path(out), settings or FinetuneSettings()
    recipe = load_run_recipe(Path(run))
    if recipe is None:
        raise ArtifactError(str(run), "is not the folder of a training run")
    source = open_encoded(encoded)
    model = load_model(run, device)
    data = open_data(source, labels, chosen)
    with lock_folder(folder):
        if is_finished(folder):
            raise OutputError(
                str(folder), "holds a finished run; give --overwrite to replace it, or choose another folder"
            )
        clear_leftovers(folder)
        text = f"[finetune]\n{settings_to_toml(chosen)}\n[train]\n{recipe_to_toml(recipe)}"
        identity = _identify(model, data, chosen)
        return _Tuning(folder, chosen, model, data, compare).run(source, text, identity, progress or LiveLine())


def _identify(model: TokenModel | EventModel, data: TuningData, settings: FinetuneSettings) -> dict[str, Any]:
    """The things that must not change between a run and its continuation."""
    hashes = hashlib.sha256()
    for array in (data.values, data.placed.histories, data.placed.events, data.splits, data.labels.weights):
        hashes.update(np.ascontiguousarray(array).tobytes())
    recipe = {**asdict(settings), "columns": list(settings.columns), "labels": hashes.hexdigest()}
    return {"vocabulary": model.vocabulary_hash, "recipe": recipe}


class _Tuning:
    """One run: its folder, its model and its data."""

    def __init__(
        self, folder: Path, settings: FinetuneSettings, model: TokenModel | EventModel, data: TuningData, compare: bool
    ) -> None:
        self.folder, self.settings, self.model, self.data, self.compare = folder, settings, model, data, compare
        self.checkpoints = Checkpoints(folder / CHECKPOINTS, keep=1)
        # trees are fitted on what the model said before it was tuned
        self.before: dict[int, NDArray[np.float32]] = {}

    def run(
        self, source: EncodedFolder, recipe: str, identity: dict[str, Any], report: Callable[[TuningProgress], None]
    ) -> TuningResult:

        def report_stage(stage: str, done: int, total: int | None) -> None:
            report(TuningProgress(stage, done, total))

        began = time.perf_counter()
        data, settings, model = self.data, self.settings, self.model
        torch.manual_seed(settings.seed)
        head = TargetHead(find_pooler(settings.pooling, model).width, data.objective.start(), data.fits, settings).to(
            model.device
        )
        tuned = TunedHead(head, data.objective, data.fits, settings)
        # the test rows, or the next best rows in their place
        split = next((each for each in (TEST, VALIDATION) if len(data.rows(each))), TRAIN)
        trainer = HeadTrainer(model, tuned, data, self.checkpoints, identity, self._embed_before(split, report_stage))
        # an interrupted run goes on from its last checkpoint
        if self.checkpoints.steps():
            with continuing():
                tensors, state = self.checkpoints.load_last()
                _check_identity(state, identity, self.folder)
            trainer.restore(tensors, state)
            self.checkpoints.prune(trainer.state.best_step)
        else:
            begin_run(self.folder, recipe, DomainTokenizer.load(source.tokenizer_folder))
            trainer.begin(report_stage)
        try:
            state_now = trainer.run(report)
        except KeyboardInterrupt:
            kept = self.checkpoints.describe()
            raise Interrupted(f"interrupted; {kept}; run the same command again to continue") from None
        best = state_now.best_step or state_now.step
        trainer.load_weights(self.checkpoints.load(best)[0])
        report_stage("comparing", 0, None)
        rows, gain = self._compare(trainer, split)
        verdict, sentence = _judge(gain, data.objective.metric, is_held_out=split != TRAIN)
        result = TuningResult(
            folder=self.folder,
            settings=settings,
            kind=data.objective.kind,
            target=data.objective.target,
            counts=data.counts,
            steps=state_now.step,
            best_step=best,
            metric=data.objective.metric,
            seconds=time.perf_counter() - began,
            validation=tuple(state_now.validation),
            split=SPLIT_NAMES[split],
            rows=tuple(rows),
            gain=gain,
            verdict=verdict,
            sentence=sentence,
            notes=tuple(self._notes(split)),
        )
        save_head(self.folder, tuned)
        finish_run(self.folder, model, result.to_json())
        return result

    def _embed_before(self, split: int, report: Progress) -> NDArray[np.float32] | None:
        """Keep the vectors of the model before it is tuned, if they are used; those of the rows that are trained on."""
        data = self.data
        needed = {TRAIN, VALIDATION, split} if self.compare else {TRAIN} if self.settings.tuned == "head" else set()
        self.before = {each: embed_rows(self.model, data, data.rows(each), self.settings, report) for each in needed}
        if not needed:
            return None
        # from all training rows to those of known entities, both rising
        return self.before[TRAIN][np.searchsorted(data.rows(TRAIN), data.trained)]

    def _compare(self, trainer: HeadTrainer, split: int) -> tuple[list[TuningRow], tuple[float, float, float] | None]:
        """The rows of the table, and the gain over the best of the others."""
        data, objective = self.data, self.data.objective
        rows = data.rows(split)
        found = {"constant": objective.constant(len(rows))}
        if self.compare:
            trees = predict_with_trees(data, self.before, split, self.settings.seed, torch.get_num_threads())
            if trees is not None:
                name = "LightGBM on embeddings" + (" and columns" if data.fits else "")
                found[name] = trees
        mine = trainer.predict(rows)
        listed = [TuningRow(name, data.score(each, rows)) for name, each in found.items()]
        sign = 1 if objective.is_higher_better else -1
        # a metric that is not defined is the worst
        best = max(listed, key=lambda row: np.nan_to_num(sign * row.metrics[objective.metric], nan=-np.inf))
        gain = bootstrap_gain(data, rows, mine, found[best.name], self.settings.seed)
        return [*listed, TuningRow("tuned", data.score(mine, rows))], gain

    def _notes(self, split: int) -> list[str]:
        data, counts = self.data, self.data.counts
        notes = []
        if not counts["validation"]:
            notes.append("no row is for validation: the last weights are kept, since nothing can choose others")
        if split == VALIDATION:
            notes.append("no row is for the test: these are validation rows, which have chosen the weights")
        left_out = len(data.rows(TRAIN)) - len(data.trained)
        if left_out:
            notes.append(f"{left_out:,} training rows are left out: the streams do not have their entities")
        return notes


def _check_identity(state: dict[str, Any], identity: dict[str, Any], folder: Path) -> None:
    before, now = state["recipe"], identity["recipe"]
    changes = [name for name in now if now[name] != before.get(name)]
    if state["vocabulary"] != identity["vocabulary"]:
        changes.append("vocabulary")
    if changes:
        problems = [
            Problem(name, "has changed since the run began" if name in ("labels", "vocabulary")
                    else f"was {before.get(name)!r} when the run began, now {now[name]!r}")
            for name in changes
        ]  # fmt: skip
        raise SchemaError(problems, f"the settings of the unfinished run in {folder}")


def _judge(gain: tuple[float, float, float] | None, metric: str, is_held_out: bool) -> tuple[str, str]:
    """(verdict, sentence)."""
    if not is_held_out:
        return "none", "no verdict: no rows were held out, and these are rows that the model was trained on"
    if gain is None:
        return "none", "no verdict: too few held-out entities, or too few of a class, for an interval"
    value, low, high = gain
    interval = f"{value:+.4f} {metric} (95%: {low:+.4f} to {high:+.4f})"
    if low > 0:
        return "beats", f"the tuned model beats the best of the others: {interval}"
    if high < 0:
        return "loses", f"the tuned model does not reach the best of the others: {interval}"
    return "level", f"the tuned model is level with the best of the others: {interval}"
