"""A shop of `train_folders` with a trained model and labels that follow from the histories, for tests of labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import train_folders as folders

from domaintoolkit.train import Recipe, train

__all__ = ["labels", "shop"]


def shop(folder: Path, users: int = 120) -> tuple[Path, Path, pa.Table]:
    """(encoded folder, run of a few steps, rows)."""
    table = folders.rows(users, 8)
    encoded = folders.write(folder / "encoded", table, folders.tokenizer(table, pages=8))
    recipe = Recipe(family="event", preset="54k", block=64, batch=8, steps=10, evaluate_every=10, checkpoint_every=10)
    train(encoded, folder / "run", recipe, progress=lambda _: None)
    return encoded, folder / "run", table


def labels(table: pa.Table, seed: int = 0) -> pa.Table:
    """A row for each user at the time of one of the events: how often the page before it is even, which follows from
    the events before; and columns of which one tells half of it."""
    generator = np.random.default_rng(seed)
    users, times, pages = (table[name].to_numpy() for name in ("user", "at", "page"))
    found: dict[str, list[object]] = {}
    for user in np.unique(users):
        own = np.flatnonzero(users == user)
        at = own[int(generator.integers(0, len(own)))]
        before = own[times[own] < times[at]]
        numbers = [int(str(pages[each]).split()[1]) for each in before]
        even = bool(numbers) and numbers[-1] % 2 == 0
        record = {"user": int(user), "date": times[at], "target": "yes" if even else "no", "even": float(sum(numbers))}
        record |= {"rank": float(even), "race": int(user) % 3, "age": float(even) + float(generator.normal())}
        record["visits"] = ("low", "middle", "high")[min(2, len(numbers) // 4)]
        for name, value in record.items():
            found.setdefault(name, []).append(value)
    return pa.table(found)
