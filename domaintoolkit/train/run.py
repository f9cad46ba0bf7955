"""`train`: an encoded folder in, a model, its checkpoints and its comparison with baselines out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from accelerate import Accelerator

from domaintoolkit.display import LiveLine
from domaintoolkit.errors import Interrupted, OutputError, Problem, SchemaError, VocabularyMismatchError
from domaintoolkit.evaluate import ModelComparison, Score, baseline_scores, compare, fit_baselines, score_model
from domaintoolkit.evaluate.part_ranks import rank_parts
from domaintoolkit.model import EventModel, LossReport, TokenModel, load_model
from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.storage.encoded_folder import EncodedFolder, open_encoded
from domaintoolkit.storage.lock import lock_folder
from domaintoolkit.storage.replacement import continuing
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train.checkpoint import Checkpoints
from domaintoolkit.train.data.model_batches import ModelBatch
from domaintoolkit.train.data.segmentation import build_segmentation
from domaintoolkit.train.data.splits import Splits, open_splits
from domaintoolkit.train.devices import build_accelerator, close_trackers, start_trackers
from domaintoolkit.train.logs.run_log import RunLog
from domaintoolkit.train.loop import LoopState, Loss, Trainer, Training
from domaintoolkit.train.memory import check_memory, explain_out_of_memory
from domaintoolkit.train.model_building import build_config, build_model, flops_per_batch
from domaintoolkit.train.predictions import describe_next_event
from domaintoolkit.train.progress import Progress, Validation
from domaintoolkit.train.recipe import Recipe, default_recipe, recipe_to_toml
from domaintoolkit.train.result import Result
from domaintoolkit.train.run_files import CHECKPOINTS, begin_run, clear_leftovers, finish_run, is_finished
from domaintoolkit.windows.loader import Loader
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["recipe_for", "train"]

BASELINE_TOKENS = 1 << 25
"""The most tokens that baselines are counted on; they hold them in memory."""
FREE_TO_CHANGE = ("trackers", "keep", "progress")
"""Settings that a resumed run may change: they do not change the model."""


def train(
    encoded: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    start: str | Path | None = None,
) -> Result:
    """Train a model on an encoded folder; the default recipe follows from the number of events.

    `out` gets `recipe.toml` (every setting), `tokenizer/`, `model/` (the best weights), `checkpoints/` and
    `result.json`. With `start`, the folder of another run with the same vocabulary and shape, training begins with the
    weights of its model (fine-tuning). The same call continues a run that was stopped from its last checkpoint. Raises
    `OutputError` if `out` holds a finished run and `resume` is not given, `SchemaError` if a stopped run had another
    recipe, and `VocabularyMismatchError` if its streams had another vocabulary.
    """
    source, folder = open_encoded(encoded), Path(out)
    recipe = recipe or recipe_for(encoded)
    accelerator = build_accelerator(recipe, folder)
    with lock_folder(folder) if accelerator.is_main_process else nullcontext():
        return _train(source, folder, recipe, resume, progress or LiveLine(), accelerator, start)


def recipe_for(encoded: str | Path, family: Literal["token", "event"] = "event") -> Recipe:
    """The default recipe for the events of an encoded folder and the device of this process."""
    events = open_encoded(encoded).manifest.totals.get("events", 0)
    return default_recipe(family, events, torch.cuda.is_available())


def _train(
    source: EncodedFolder,
    folder: Path,
    recipe: Recipe,
    resume: bool,
    progress: Callable[[Progress], None],
    accelerator: Accelerator,
    start: str | Path | None = None,
) -> Result:
    began = time.perf_counter()
    tokenizer = DomainTokenizer.load(source.tokenizer_folder)
    # a model that does not fit is refused before the data are opened
    check_memory(build_config(recipe, len(tokenizer.vocabulary)), recipe, accelerator.device)
    splits = _open_splits(source, tokenizer, recipe, accelerator)
    recipe, steps = _resolve_steps(recipe, splits.train.blocks, accelerator.num_processes)
    model = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites)
    if start is not None:
        _take_weights(model, Path(start), tokenizer)
    checkpoints = Checkpoints(folder / CHECKPOINTS, recipe.keep)
    training = Training(
        recipe=recipe,
        steps=steps,
        batches=splits.training_batches,
        validate=lambda loss: _validate(model, splits, loss),
        checkpoints=checkpoints,
        identity={"vocabulary": tokenizer.vocabulary.hash, "recipe": asdict(recipe)},
        flops=flops_per_batch(model, recipe),
        progress=progress,
    )
    trainer = Trainer(model, training, accelerator)
    _start_or_resume(trainer, folder, tokenizer, resume)
    start_trackers(accelerator, recipe, folder)
    log = _open_log(trainer, folder, source.folder)
    state = _run_loop(trainer)

    # the weights with the best validation loss; the last ones without validation data
    best = state.best_step or state.step
    model = _load_weights(checkpoints, best, recipe, tokenizer).to(accelerator.device)
    with torch.no_grad(), accelerator.autocast():
        comparison = _compare_with_baselines(model, splits, tokenizer.schema.time)
    result = Result(
        folder=folder,
        recipe=recipe,
        steps=state.step,
        best_step=best,
        parameters=sum(value.numel() for value in model.parameters()),
        inner_parameters=sum(value.numel() for name, value in model.named_parameters() if name not in model.grows),
        seconds=time.perf_counter() - began,
        losses=tuple(trainer.losses),
        validation=tuple(state.validation),
        comparison=comparison,
        predictions=_describe_prediction(model, tokenizer, splits),
        notes=splits.notes,
    )
    if log is not None:
        log.end()
    _write_result(accelerator, model, result)
    return result


def _take_weights(model: TokenModel | EventModel, start: Path, tokenizer: DomainTokenizer) -> None:
    """Begin with the weights of another run's model."""
    other = load_model(start, "cpu")
    other.check_vocabulary(tokenizer.vocabulary)
    if type(other) is not type(model) or replace(other.config, block=model.config.block) != model.config:
        reason = f"the model in {start} has another shape than the recipe's"
        raise SchemaError([Problem("model", reason)], "recipe")
    model.load_state_dict(other.state_dict())


def _open_log(trainer: Trainer, folder: Path, data: Path) -> RunLog | None:
    """The log of the run, which receives all progress from here on; None on all devices but the first."""
    if not trainer.accelerator.is_main_process:
        return None
    log = RunLog(folder, trainer.state.step)
    log.begin(data, trainer.accelerator.device, trainer.accelerator.num_processes)
    trainer.recorders.append(log.add)
    return log


def _open_splits(source: EncodedFolder, tokenizer: DomainTokenizer, recipe: Recipe, accelerator: Accelerator) -> Splits:
    """The batches of this device."""
    return open_splits(
        [rows.table for rows in source.streams()],
        recipe,
        tokenizer.grammar,
        window_rule(tokenizer),
        build_segmentation(tokenizer, recipe),
        (accelerator.process_index, accelerator.num_processes),
    )


def _resolve_steps(recipe: Recipe, blocks: int, devices: int) -> tuple[Recipe, int]:
    """The recipe with its number of steps, and that number."""
    steps = recipe.steps
    if steps is None:
        blocks_per_step = recipe.batch * recipe.accumulation * devices
        # blocks of all devices together: each of them trains on its own part
        steps = max(1, math.ceil((recipe.epochs or 1.0) * blocks / blocks_per_step))
    return recipe.resolve(steps), steps


def _start_or_resume(trainer: Trainer, folder: Path, tokenizer: DomainTokenizer, resume: bool) -> None:
    """Continue from the last checkpoint in the folder, or begin it with the recipe and the tokenizer."""
    checkpoints, recipe = trainer.training.checkpoints, trainer.training.recipe
    is_main = trainer.accelerator.is_main_process
    if is_finished(folder) and not resume:
        reason = "holds a finished training run; choose another folder, or give --resume or --overwrite"
        raise OutputError(str(folder), reason)
    if is_main:
        clear_leftovers(folder)
    trainer.accelerator.wait_for_everyone()
    if checkpoints.steps():
        with continuing():
            tensors, state = checkpoints.load_last()
            _check_identity(state, trainer.training.identity, tokenizer, folder)
        trainer.restore(tensors, state)
        if is_main:
            checkpoints.prune(trainer.state.best_step)
    elif is_main:
        begin_run(folder, recipe_to_toml(recipe), tokenizer)


def _check_identity(state: dict[str, Any], identity: dict[str, Any], tokenizer: DomainTokenizer, folder: Path) -> None:
    """Refuse to continue with streams of another vocabulary, or with another recipe."""
    if state["vocabulary"] != identity["vocabulary"]:
        later = tokenizer.vocabulary.accepts(state["vocabulary"])
        hint = "a later generation: resize the model and start a new run" if later else ""
        raise VocabularyMismatchError(state["vocabulary"], identity["vocabulary"], hint)
    before, now = state["recipe"], identity["recipe"]
    changes = [name for name in now if name not in FREE_TO_CHANGE and _to_json(now[name]) != before.get(name)]
    if changes:
        problems = [
            Problem(name, f"was {before.get(name)!r} when the run began, now {now[name]!r}") for name in changes
        ]
        raise SchemaError(problems, f"the recipe of the unfinished run in {folder}")


def _to_json(value: object) -> object:
    """A setting as it reads back from a checkpoint's JSON."""
    return list(value) if isinstance(value, tuple) else value


def _run_loop(trainer: Trainer) -> LoopState:
    """Train; if interrupted, say which checkpoint is kept."""
    try:
        with explain_out_of_memory(trainer.training.recipe):
            return trainer.run()
    except KeyboardInterrupt:
        kept = trainer.training.checkpoints.describe()
        raise Interrupted(f"interrupted; {kept}; run the same command again to continue") from None


def _load_weights(
    checkpoints: Checkpoints, step: int, recipe: Recipe, tokenizer: DomainTokenizer
) -> TokenModel | EventModel:
    """A model with the weights of a checkpoint, whole on every device."""
    model = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites)
    model.load_state_dict(checkpoints.load(step)[0]["model"])
    return model.eval()


def _validate(model: BoundModel, splits: Splits, loss: Loss) -> Validation | None:
    """The costs of validation data, if there are any."""
    if splits.validation is None:
        return None
    later: list[tuple[float, int]] = []

    def measure(batch: ModelBatch) -> LossReport:
        report = loss(batch)
        if report.later is not None:
            later.append((float(report.later), int(report.events)))
        return report

    bits = _score(model, splits, splits.validation, measure, splits.recipe.evaluate_blocks).bits_per_event
    if splits.recipe.purpose == "events":
        return Validation(bits)
    if splits.recipe.purpose == "ranking":
        return Validation(bits, reciprocal_rank=_rank_values(model, splits, splits.validation))
    nats = sum(each * events for each, events in later) / max(1, sum(events for _, events in later))
    return Validation(bits, later_nats=nats)


def _rank_values(model: BoundModel, splits: Splits, loader: Loader) -> float:
    """The mean over parts of the mean of 1 / rank of what came in held-out windows."""
    assert isinstance(model, TokenModel | EventModel)
    parts: dict[str, list[tuple[float, int]]] = {}
    for windows in splits.base_windows(loader, splits.recipe.evaluate_blocks):
        for ranks in rank_parts(model, windows.ids, windows.offsets, splits.last_grammar is not None):
            parts.setdefault(ranks.part, []).append((ranks.reciprocal, ranks.count))
    sums = [tuple(map(sum, zip(*each, strict=True))) for each in parts.values()]
    return float(np.mean([reciprocal / count for reciprocal, count in sums if count] or [0.0]))


def _score(model: BoundModel, splits: Splits, loader: Loader, loss: Loss, blocks: int | None = None) -> Score:
    """The score of the model on held-out batches; a token that did not fit into a block costs the uniform's nats."""
    lost_nats = math.log(model.config.vocabulary_size)
    batches = splits.held_out_batches(loader, blocks)
    return score_model("model", model.part_names, batches, loss, lost_nats, splits.last_grammar)


def _compare_with_baselines(model: BoundModel, splits: Splits, time: str | None) -> ModelComparison:
    """The model and the baselines on the whole test split."""
    score = _score(model, splits, splits.test, lambda batch: model.loss(batch.to(model.device)))
    last_only = splits.last_grammar is not None
    seen, tune = splits.baseline_windows()
    baselines = fit_baselines(seen, tune, splits.grammar, BASELINE_TOKENS, last_only and splits.validation is not None)
    scores = baseline_scores(baselines, splits.base_windows(splits.test), splits.grammar, last_only)
    fields: dict[str, list[str]] = {}
    grammar = splits.grammar
    for part, field in zip(
        grammar.part_names[grammar.header_parts :], grammar.part_fields[grammar.header_parts :], strict=True
    ):
        fields.setdefault(str(field), []).append(part)
    clock = fields.get(time or "", [])
    comparison = compare(score, scores, splits.test_name, clock, fields)
    return comparison if splits.is_held_out else comparison.without_verdict()


def _describe_prediction(model: TokenModel | EventModel, tokenizer: DomainTokenizer, splits: Splits) -> tuple[str, ...]:
    """The expected next event of the longest held-out history in the first batch."""
    windows = next(splits.base_windows(splits.test))
    longest = int(np.argmax(np.diff(windows.offsets)))
    ids = np.asarray(windows.ids[windows.offsets[longest] : windows.offsets[longest + 1]], np.int64)
    return describe_next_event(model, tokenizer, ids)


def _write_result(accelerator: Accelerator, model: BoundModel, result: Result) -> None:
    """Write the model and the result, from one device, and close the logs."""
    if accelerator.is_main_process:
        finish_run(result.folder, model, result.to_json())
    close_trackers(accelerator)
