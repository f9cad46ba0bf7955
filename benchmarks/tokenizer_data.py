"""One million generated events of 100,000 users, written once as Parquet, which every peer loads.

    python benchmarks/tokenizer_data.py FILE [--events 1000000] [--users 100000]

Six columns: `user_id` (int64), `event_time` (to the second, over 31 days), `event_type` (4 kinds), `category`
(2,767 names) and `brand` (4,300 names), both Zipf-distributed, and `price` (log-normal, in cents). Rows are in
no order.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

EVENTS, USERS, CATEGORIES, BRANDS = 1_000_000, 100_000, 2_767, 4_300
START, SECONDS = 1_569_888_000, 31 * 86_400


def table(events: int = EVENTS, users: int = USERS, seed: int = 2767) -> pa.Table:
    """The rows; every category and every brand occurs."""
    generator = np.random.default_rng(seed)
    seconds = START + generator.integers(0, SECONDS, events)
    kinds = pa.array(["view", "cart", "purchase", "remove_from_cart"])
    return pa.table(
        {
            "user_id": generator.integers(0, users, events) + 500_000_000,
            "event_time": pa.array(seconds * 1_000_000, pa.timestamp("us")),
            "event_type": kinds.take(pa.array(generator.choice(4, events, p=[0.95, 0.03, 0.015, 0.005]))),
            "category": _names("section.kind", CATEGORIES).take(pa.array(_zipf(generator, events, CATEGORIES))),
            "brand": _names("brand", BRANDS).take(pa.array(_zipf(generator, events, BRANDS))),
            "price": np.round(generator.lognormal(4, 1.2, events), 2),
        }
    )


def write(path: Path, events: int = EVENTS, users: int = USERS) -> None:
    """Write the rows, unless the file exists."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        pa.parquet.write_table(table(events, users), partial, row_group_size=events)
        partial.rename(path)


def _zipf(generator: np.random.Generator, rows: int, count: int) -> NDArray[np.int64]:
    """Ranks with weights 1 / rank; the first rows run through all of them."""
    weights = np.cumsum(1 / np.arange(1, count + 1))
    ranks = np.searchsorted(weights, generator.random(rows) * weights[-1])
    ranks[:count] = np.arange(min(count, rows))
    generator.shuffle(ranks)
    return ranks


def _names(head: str, count: int) -> pa.Array:
    return pa.array([f"{head}{number}" for number in range(count)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--users", type=int, default=USERS)
    arguments = parser.parse_args()
    write(arguments.file, arguments.events, arguments.users)


if __name__ == "__main__":
    main()
