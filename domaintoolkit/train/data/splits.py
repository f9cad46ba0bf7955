"""The splits of an encoded folder as loaders of a recipe's batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from domaintoolkit.grammar import Grammar
from domaintoolkit.model.targets import TargetFinder
from domaintoolkit.train.data.model_batches import ModelBatch, to_event_batch, to_token_batch
from domaintoolkit.train.data.segmentation import BASE, Segmentation
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.windows.loader import Loader, WindowBatch
from domaintoolkit.windows.packing import Unit, WindowRule, Windows
from domaintoolkit.windows.shard_histories import HistorySource

__all__ = ["Splits", "open_splits"]


@dataclass(frozen=True, slots=True)
class Splits:
    """The batches of a run. Another split replaces one that has no entities; `notes` say so."""

    recipe: Recipe
    grammar: Grammar
    finder: TargetFinder
    train: Loader
    validation: Loader
    test: Loader
    notes: tuple[str, ...]

    def to_model_batch(self, batch: WindowBatch) -> ModelBatch:
        """A batch in the form that the recipe's model takes."""
        if self.recipe.family == "event":
            return to_event_batch(batch, self.recipe.block, self.grammar, self.finder)
        return to_token_batch(batch, self.recipe.block)

    def training_batches(self, start: int) -> Iterator[ModelBatch]:
        """Endless training batches, from number `start`."""
        return map(self.to_model_batch, self.train.batches(start))

    def held_out_batches(self, loader: Loader, blocks: int | None = None) -> Iterator[tuple[ModelBatch, Windows]]:
        """Held-out batches and the windows in them; of about `blocks` blocks at most."""
        limit = None if blocks is None else -(-blocks // loader.batch)
        for batch in islice(loader.once(), limit):
            yield self.to_model_batch(batch), batch.windows

    def base_windows(self, loader: Loader) -> Iterator[Windows]:
        """The windows of the same batches in base tokens."""
        return (batch.windows for batch in loader.once(base=True))


def open_splits(
    batches: list[pa.RecordBatch],
    recipe: Recipe,
    grammar: Grammar,
    rule: WindowRule,
    segmentation: Segmentation = BASE,
    share: tuple[int, int] = (0, 1),
) -> Splits:
    """Loaders of the three splits of an encoded folder's record batches.

    `share` is (rank, number of devices). Each device trains on its own blocks, but reads all held-out ones.
    """
    unit: Unit = "events" if recipe.family == "event" else "tokens"

    def open_held_out(split: str | None) -> Loader:
        source = HistorySource(batches, split)
        return Loader(source, rule, recipe.block, recipe.batch, unit, recipe.seed, segmentation.held_out)

    def open_training(split: str | None) -> Loader:
        source = HistorySource(batches, split)
        return Loader(source, rule, recipe.block, recipe.batch, unit, recipe.seed, segmentation.training, share)

    notes = []
    train = open_training("train")
    if not train.blocks:
        notes.append("the training split is empty: the model is trained on all entities, held-out ones included")
        train = open_training(None)
    validation, test = open_held_out("validation"), open_held_out("test")
    if not validation.blocks:
        notes.append("the validation split is empty: validation uses all entities")
        validation = open_held_out(None)
    if not test.blocks:
        notes.append("the test split is empty: the test uses validation entities")
        test = validation
    notes += [
        f"{loader.left_out:,} histories for {name} are left out: their header alone fills a block of {recipe.block}"
        for name, loader in (("training", train), ("validation", validation), ("test", test))
        if loader.left_out
    ]
    return Splits(recipe, grammar, TargetFinder(grammar), train, validation, test, tuple(notes))
