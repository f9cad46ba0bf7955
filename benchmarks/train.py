"""A token model, an event model and one with sequential fields, trained for the same processor time.

    python benchmarks/train.py OUT [--seconds 40] [--preset 410k] [--threads 1] [--rounds 5]

OUT is an encoded folder. The models have equal layers and width. Their steps are timed in turn, each on its own
batches of the training entities; then each trains from the start for as many steps as fit into the seconds, and is
measured on the test entities. The seconds exclude loading, evaluation and baselines.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from domaintoolkit.model.bound_model import BoundModel
from domaintoolkit.storage.encoded_folder import open_encoded
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.train import Recipe, train
from domaintoolkit.train.data.splits import open_splits
from domaintoolkit.train.model_building import build_model
from domaintoolkit.train.optimizer import build_optimizer
from domaintoolkit.windows import open_shards
from domaintoolkit.windows.window_rule import window_rule


def recipes(preset: str) -> dict[str, Recipe]:
    """4,096 tokens a step, or 1,024 events: about as long a history in each block."""
    token = Recipe(family="token", preset=preset, block=512, batch=8, steps=100, learning_rate=3e-3)
    event = replace(token, family="event", block=128, learning_rate=4e-3, model={"part_width": 64, "sequential": False})
    return {
        "token": token,
        "event": event,
        "event, sequential": replace(event, model={"part_width": 64}),
    }


def stepper(folder: str, recipe: Recipe) -> Callable[[], int]:
    """A function that makes one step and returns the number of its events."""
    tokenizer = DomainTokenizer.load(open_encoded(folder).tokenizer_folder)
    rule = window_rule(tokenizer)
    batches = open_splits(open_shards(folder), recipe, tokenizer.grammar, rule).training_batches(0)
    model: BoundModel = build_model(recipe, tokenizer.vocabulary, tokenizer.grammar).train()
    optimizer = build_optimizer(model, recipe)

    def step() -> int:
        report = model.loss(next(batches))
        report.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return int(report.events)

    return step


def time_steps(folder: str, made: dict[str, Recipe], rounds: int) -> dict[str, tuple[float, float]]:
    """(processor seconds a step, events a second of it) of each, timed in turn."""
    steps = {name: stepper(folder, recipe) for name, recipe in made.items()}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in steps}
    for turn in range(rounds + 1):
        for name, step in steps.items():
            start = time.process_time()
            events = step() + step()
            seconds = time.process_time() - start
            if turn:
                found[name].append((seconds / 2, events / seconds))
    return {
        name: (statistics.median(s for s, _ in pairs), statistics.median(e for _, e in pairs))
        for name, pairs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--preset", default="410k")
    for name, default in (("threads", 1), ("rounds", 5)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    made = recipes(options.preset)
    speeds = time_steps(options.folder, made, options.rounds)
    print("| | parameters | steps | events/s | ratio | epochs | bits an event | [its baselines: unigram, Markov] |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    for name, recipe in made.items():
        seconds, rate = speeds[name]
        steps = max(60, round(options.seconds / seconds))
        recipe = replace(recipe, steps=steps, evaluate_every=-(-steps // 4), checkpoint_every=steps)
        with tempfile.TemporaryDirectory() as folder:
            result = train(options.folder, Path(folder) / "run", recipe, progress=lambda _: None)
        bits = {row.name: row.bits_per_event for row in result.comparison.rows}
        training = open_encoded(options.folder).manifest.totals["events"] * 0.8
        print(
            f"| {name} | {result.parameters:,} | {steps:,} | {rate:,.0f} | {rate / speeds['token'][1]:.2f} "
            f"| {rate * steps * seconds / training:.1f} | {bits['model']:.3f} "
            f"| {bits['unigram']:.3f}, {bits['Markov']:.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
