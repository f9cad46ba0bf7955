"""`train`: an encoded folder in, a model, its checkpoints and its comparison with baselines out."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from domaintoolkit.errors import Interrupted, OutputError, Problem, SchemaError, VocabularyMismatchError
from domaintoolkit.evaluate import Comparison, Score, baseline_scores, compare, fit_baselines, gathered
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train.checkpoint import Checkpoints, clean_folder, replacing_folder
from domaintoolkit.train.data.segmentation import segmentation
from domaintoolkit.train.data.splits import Data, split_data
from domaintoolkit.train.devices import accelerator_for, end, start_trackers
from domaintoolkit.train.loop import State, Trainer, Training
from domaintoolkit.train.memory import check_memory, within_memory
from domaintoolkit.train.model_building import build_model, flops_per_batch, model_config
from domaintoolkit.train.predictions import expected_next
from domaintoolkit.train.progress import LiveLine, Progress
from domaintoolkit.train.recipe import Recipe, default_recipe, resolved_toml
from domaintoolkit.train.result import Result
from domaintoolkit.util.artifacts import write_atomic
from domaintoolkit.windows.loader import Loader
from domaintoolkit.windows.shard_histories import open_shards
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["train"]

BASELINE_TOKENS = 1 << 25
"""Tokens that baselines are counted on at most; they hold them in memory."""
WATCHED = ("trackers", "keep", "progress")


def train(
    encoded: str | Path,
    out: str | Path,
    recipe: Recipe | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Train a model on an encoded folder; without a recipe, by one that suits a sample and a CPU.

    `out` gets `recipe.toml` (every setting), `tokenizer/`, `model/` (the best weights), `checkpoints/` and
    `result.json`. With `resume`, a run that was stopped goes on from its last checkpoint, or begins. Raises
    `OutputError` where `out` holds a run and `resume` is not given, and `VocabularyMismatchError` where that
    run's streams were of another vocabulary.
    """
    began = time.perf_counter()
    folder, tokenizer = Path(out), DomainTokenizer.load(open_encoded(encoded).tokenizer_folder)
    recipe = recipe or default_recipe()
    accelerator = accelerator_for(recipe, folder)
    check_memory(model_config(recipe, len(tokenizer.vocabulary)), recipe, accelerator.device)
    data = _data(encoded, tokenizer, recipe, (accelerator.process_index, accelerator.num_processes))
    recipe, steps = _resolved(recipe, data.train.blocks, accelerator.num_processes)
    model = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites)
    checkpoints = Checkpoints(folder / "checkpoints", recipe.keep)
    training = Training(
        recipe=recipe,
        steps=steps,
        batches=data.batches,
        validate=lambda loss: _score(model, data, data.validation, loss, recipe.evaluate_blocks),
        checkpoints=checkpoints,
        identity={"vocabulary": tokenizer.vocabulary.hash, "recipe": asdict(recipe)},
        flops=flops_per_batch(model, recipe),
        progress=progress or LiveLine(),
    )
    trainer = Trainer(model, training, accelerator)
    _begin(trainer, folder, tokenizer, encoded, resume)
    start_trackers(accelerator, recipe, folder)
    state = _run(trainer)
    best = state.best_step or state.step
    model = _trained(checkpoints, best, recipe, tokenizer).to(accelerator.device)
    with torch.no_grad(), accelerator.autocast():
        comparison = _compared(model, data, tokenizer.schema.time)
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
        predictions=_predictions(model, tokenizer, data),
        notes=data.notes,
    )
    _finish(accelerator, model, result)
    return result


def _run(trainer: Trainer) -> State:
    """Train; where it is interrupted, say what is kept."""
    try:
        with within_memory(trainer.training.recipe):
            return trainer.run()
    except KeyboardInterrupt:
        kept = trainer.training.checkpoints.told()
        raise Interrupted(f"interrupted; {kept}; --resume goes on from there") from None


def _data(encoded: str | Path, tokenizer: DomainTokenizer, recipe: Recipe, share: tuple[int, int]) -> Data:
    """The batches of this device, `share` being its number and how many there are."""
    rule = window_rule(tokenizer.vocabulary, tokenizer.grammar, tokenizer.schema.time)
    return split_data(open_shards(encoded), recipe, tokenizer.grammar, rule, segmentation(tokenizer, recipe), share)


def _trained(checkpoints: Checkpoints, step: int, recipe: Recipe, tokenizer: DomainTokenizer) -> Any:
    """The model with the weights of a checkpoint, whole on every device."""
    model = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites)
    model.load_state_dict(checkpoints.load(step)[0]["model"])
    return model.eval()


def _finish(accelerator: Accelerator, model: Any, result: Result) -> None:
    """Write the model and the result, from one device, and close the logs."""
    if accelerator.is_main_process:
        with replacing_folder(result.folder / "model") as beside:
            model.save_pretrained(beside)
        result.save()
    end(accelerator)


def _predictions(model: Any, tokenizer: DomainTokenizer, data: Data) -> tuple[str, ...]:
    """What the model expects at the end of the longest held-out history among the first ones."""
    windows = next(data.base(data.test))
    longest = int(np.argmax(np.diff(windows.offsets)))
    ids = np.asarray(windows.ids[windows.offsets[longest] : windows.offsets[longest + 1]], np.int64)
    return expected_next(model, tokenizer, ids)


def _resolved(recipe: Recipe, blocks: int, devices: int) -> tuple[Recipe, int]:
    """The recipe with its number of steps."""
    steps = recipe.steps
    if steps is None:
        step = recipe.batch * recipe.accumulation * devices
        steps = max(1, math.ceil((recipe.epochs or 1.0) * blocks / step))
    return recipe.resolved(steps), steps


def _begin(trainer: Trainer, folder: Path, tokenizer: DomainTokenizer, encoded: str | Path, resume: bool) -> None:
    """Start afresh, or where the last checkpoint of the folder stands."""
    checkpoints, recipe = trainer.training.checkpoints, trainer.training.recipe
    if trainer.accelerator.is_main_process:
        checkpoints.clean()
        clean_folder(folder)
        others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        if others and not {"recipe.toml", "checkpoints"} & set(others):
            word = f"already holds something else ({', '.join(others[:5])}); choose another folder"
            raise OutputError(str(folder), word)
    trainer.accelerator.wait_for_everyone()
    steps = checkpoints.steps()
    if steps and not resume:
        raise OutputError(str(folder), "holds a training run; resume it, or choose another folder")
    if steps:
        tensors, state = checkpoints.load_last()
        _check(state, trainer.training.identity, tokenizer)
        trainer.restore(tensors, state)
    elif trainer.accelerator.is_main_process:
        write_atomic(folder / "recipe.toml", resolved_toml(recipe).encode())
        with replacing_folder(folder / "tokenizer") as beside:
            shutil.copytree(open_encoded(encoded).tokenizer_folder, beside, dirs_exist_ok=True)


def _check(state: dict[str, Any], identity: dict[str, Any], tokenizer: DomainTokenizer) -> None:
    """Refuse to go on with streams of another vocabulary, or by another recipe."""
    if state["vocabulary"] != identity["vocabulary"]:
        later = tokenizer.vocabulary.accepts(state["vocabulary"])
        hint = "a later generation: resize the model and start a new run" if later else ""
        raise VocabularyMismatchError(state["vocabulary"], identity["vocabulary"], hint)
    before, now = state["recipe"], identity["recipe"]
    changes = [name for name in now if name not in WATCHED and _plain(now[name]) != before.get(name)]
    if changes:
        problems = [
            Problem(name, f"was {before.get(name)!r} when the run began, now {now[name]!r}") for name in changes
        ]
        raise SchemaError(problems, "the recipe of a run that is resumed")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _score(model: Any, data: Data, loader: Loader, loss: Callable[[Any], Any], blocks: int | None) -> Score:
    lost = math.log(model.config.vocabulary_size)
    return gathered("model", model.part_names, data.scored(loader, blocks), loss, lost)


def _compared(model: Any, data: Data, time: str | None) -> Comparison:
    """The model and the baselines on all of the test split."""
    score = _score(model, data, data.test, lambda batch: model.loss(batch.to(model.device)), None)
    baselines = fit_baselines(data.base(data.train), data.base(data.validation), data.grammar, BASELINE_TOKENS)
    scores = baseline_scores(baselines, data.base(data.test), data.grammar)
    parts = zip(data.grammar.part_names, data.grammar.part_fields, strict=True)
    clock = [part for part, field in parts if time is not None and field == time]
    return compare(score, scores, data.test.source.split or "all entities", clock)
