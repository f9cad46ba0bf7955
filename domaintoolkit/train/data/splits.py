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
    """The batches of a run. `notes` say which split is empty, and what stands in for it."""

    recipe: Recipe
    grammar: Grammar
    finder: TargetFinder
    train: Loader
    validation: Loader | None
    """None if nothing is held out for it."""
    test: Loader
    """The training data if nothing is held out."""
    test_name: str
    is_held_out: bool
    """False if the model was trained on the events of `test`."""
    notes: tuple[str, ...]

    @property
    def last_grammar(self) -> Grammar | None:
        """The grammar if only the last event of each held-out window counts."""
        return self.grammar if self.recipe.held_out == "last" and self.is_held_out else None

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
        for batch in islice(loader.once(), _count_batches(loader, blocks)):
            yield self.to_model_batch(batch), batch.windows

    def baseline_windows(self) -> tuple[Iterator[Windows], Iterator[Windows]]:
        """The windows that baselines are counted on, and those that they are tuned on: validation data, or if there
        are none a tenth of the training batches."""
        if self.validation is not None:
            return self.base_windows(self.train), self.base_windows(self.validation)
        batches = -(-self.train.blocks // self.train.batch)
        if batches < 2:
            return self.base_windows(self.train), self.base_windows(self.train)
        # batch 1 of every ten tunes: there are two batches at least, so each side has one
        seen = (windows for number, windows in enumerate(self.base_windows(self.train)) if number % 10 != 1)
        return seen, islice(self.base_windows(self.train), 1, None, 10)

    def base_windows(self, loader: Loader, blocks: int | None = None) -> Iterator[Windows]:
        """The windows of the same batches in base tokens."""
        return (batch.windows for batch in islice(loader.once(base=True), _count_batches(loader, blocks)))


def _count_batches(loader: Loader, blocks: int | None) -> int | None:
    """The batches that hold so many blocks; None for all."""
    return None if blocks is None else -(-blocks // loader.batch)


def open_splits(
    batches: list[pa.RecordBatch],
    recipe: Recipe,
    grammar: Grammar,
    rule: WindowRule,
    segmentation: Segmentation = BASE,
    share: tuple[int, int] = (0, 1),
) -> Splits:
    """Loaders of the training, validation and test data of an encoded folder's record batches.

    `share` is (rank, number of devices). Each device trains on its own blocks, but reads all held-out ones.
    """
    unit: Unit = "events" if recipe.family == "event" else "tokens"

    # every rank reads all held-out blocks, so that all choose the same weights
    def open_held_out(source: HistorySource, latest: bool = False) -> Loader | None:
        made = Loader(source, rule, recipe.block, recipe.batch, unit, recipe.seed, segmentation.held_out, latest=latest)
        return made if made.blocks else None

    def open_training(source: HistorySource) -> Loader:
        return Loader(source, rule, recipe.block, recipe.batch, unit, recipe.seed, segmentation.training, share)

    notes = []
    validation: Loader | None
    test: Loader | None
    if recipe.held_out == "last":
        # the last event is for the test and the one before it for validation; each is told from all before it
        train = open_training(HistorySource(batches, without_last=2))
        validation = open_held_out(HistorySource(batches, without_last=1, long_only=True), latest=True)
        test = open_held_out(HistorySource(batches, long_only=True), latest=True)
        name = "the last events"
        if test is None:
            notes.append("no history has three events, so that none can be held out")
    elif recipe.held_out == "none":
        train, validation, test, name = open_training(HistorySource(batches)), None, None, ""
    else:
        train, name = open_training(HistorySource(batches, "train")), "test"
        validation, test = (open_held_out(HistorySource(batches, split)) for split in ("validation", "test"))
        # small folders can have no training entity
        if not train.blocks:
            notes.append("the training split is empty: the model is trained on all entities, held-out ones included")
            train, validation, test = open_training(HistorySource(batches)), None, None
        elif validation is None:
            notes.append("the validation split is empty: the last weights are kept, since nothing can choose others")
        elif test is None:
            notes.append("the test split is empty: the test uses validation entities, which have chosen the weights")
            test, name = validation, "validation"
    notes += [
        f"{loader.left_out:,} histories for {name} are left out: their header alone fills a block of {recipe.block}"
        for name, loader in (("training", train), ("validation", validation), ("test", test))
        if loader is not None and loader.left_out
    ]
    if test is None:
        # training data stand in for the test, so that model and baselines are compared at all
        held_in = Loader(train.source, rule, recipe.block, recipe.batch, unit, recipe.seed, segmentation.held_out)
        return Splits(recipe, grammar, TargetFinder(grammar), train, None, held_in, "training", False, tuple(notes))
    return Splits(recipe, grammar, TargetFinder(grammar), train, validation, test, name, True, tuple(notes))
