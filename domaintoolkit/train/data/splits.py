"""The splits of an encoded folder as loaders of a recipe's batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa

from domaintoolkit.model.targets import TargetFinder
from domaintoolkit.train.data.model_batches import event_batch, token_batch
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.windows.loader import Batch, Loader, Segment
from domaintoolkit.windows.packing import Unit, WindowRule, Windows
from domaintoolkit.windows.shard_histories import Source

__all__ = ["Data", "split_data"]


@dataclass(frozen=True, slots=True)
class Data:
    """Where a run's batches come from. A split that has no entities is stood in for, which `notes` say."""

    recipe: Recipe
    grammar: Any
    finder: TargetFinder
    train: Loader
    validation: Loader
    test: Loader
    notes: tuple[str, ...]

    def model_batch(self, batch: Batch) -> Any:
        """A batch in the form that the recipe's model takes."""
        if self.recipe.family == "event":
            return event_batch(batch, self.recipe.block, self.grammar, self.finder)
        return token_batch(batch, self.recipe.block)

    def batches(self, start: int) -> Iterator[Any]:
        """Training batches without end, from number `start`."""
        return map(self.model_batch, self.train.batches(start))

    def scored(self, loader: Loader, blocks: int | None = None) -> Iterator[tuple[Any, Windows]]:
        """Held-out batches and the windows in them, at most about so many blocks of them."""
        limit = None if blocks is None else -(-blocks // loader.batch)
        for batch in islice(loader.once(), limit):
            yield self.model_batch(batch), batch.windows

    def base(self, loader: Loader) -> Iterator[Windows]:
        """The windows of the same batches in base tokens."""
        return (batch.windows for batch in loader.once(base=True))


def split_data(
    batches: list[pa.RecordBatch],
    recipe: Recipe,
    grammar: Any,
    rule: WindowRule,
    segments: tuple[Segment | None, Segment | None] = (None, None),
    share: tuple[int, int] = (0, 1),
) -> Data:
    """Loaders of the three splits; `segments` are for training and for held-out windows.

    Held-out blocks are all read by every device.
    """
    unit: Unit = "events" if recipe.family == "event" else "tokens"

    def loader(split: str | None, batch: int) -> Loader:
        return Loader(Source(batches, split), rule, recipe.block, batch, unit, recipe.seed, segments[1])

    def training(split: str | None) -> Loader:
        return Loader(Source(batches, split), rule, recipe.block, recipe.batch, unit, recipe.seed, segments[0], share)

    notes = []
    train = training("train")
    if not train.blocks:
        notes.append("the training split is empty: the model is trained on all entities, held-out ones too")
        train = training(None)
    validation, test = loader("validation", recipe.batch), loader("test", recipe.batch)
    if not validation.blocks:
        notes.append("the validation split is empty: training entities stand in for it")
        validation = loader(None, recipe.batch)
    if not test.blocks:
        notes.append("the test split is empty: validation entities stand in for it")
        test = validation
    notes += [
        f"{found.left_out:,} histories for {name} are left out: what they begin with fills a block of {recipe.block}"
        for name, found in (("training", train), ("validation", validation), ("test", test))
        if found.left_out
    ]
    return Data(recipe, grammar, TargetFinder(grammar), train, validation, test, tuple(notes))
