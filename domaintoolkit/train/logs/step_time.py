"""The time of a step, measured before a run begins."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train.data.segmentation import build_segmentation
from domaintoolkit.train.data.splits import open_splits
from domaintoolkit.train.model_building import build_model
from domaintoolkit.train.optimizer import build_optimizer
from domaintoolkit.train.recipe import Recipe
from domaintoolkit.windows.window_rule import window_rule

__all__ = ["time_steps"]

STEPS = 3


def time_steps(encoded: str | Path, recipe: Recipe, threads: int | None = None) -> float:
    """Seconds of a step of a recipe on this machine, the least of a few; nothing is written."""
    source = open_encoded(encoded)
    tokenizer = DomainTokenizer.load(source.tokenizer_folder)
    segmentation = build_segmentation(tokenizer, recipe)
    tables = [rows.table for rows in source.streams()]
    splits = open_splits(tables, recipe, tokenizer.grammar, window_rule(tokenizer), segmentation)
    model: BoundModel = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar, tokenizer.composites)
    model.to("cuda" if torch.cuda.is_available() else "cpu").train()
    optimizer = build_optimizer(model, recipe)
    before = torch.get_num_threads()
    torch.set_num_threads(threads or before)
    batches, times = splits.training_batches(0), []
    try:
        # the first step also compiles and allocates, and does not count
        for _ in range(1 + STEPS):
            began = time.perf_counter()
            for _ in range(recipe.accumulation):
                loss: Any = model.loss(next(batches).to(model.device)).loss
                loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            times.append(time.perf_counter() - began)
    finally:
        torch.set_num_threads(before)
    return min(times[1:])
