"""Generated raw rows in REES46's layout, its nine columns, as Parquet and as CSV.

    python benchmarks/engine_data.py FOLDER --events 10000000 [--shape rees46 log] [--format parquet csv]

Two shapes. `rees46`: no order, about ten events a user, sessions of about five events of one user, products by Zipf.
`log`, as a server writes it: rows in the order of time, users by Zipf (the busiest has a twentieth of all events),
sessions that several users share, products all alike.

Rows are drawn a million at a time and each million by its own seed, so any size streams in bounded memory and
a longer table of the shape `rees46` begins with the shorter one.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

CHUNK = 1_000_000
START = 1_569_888_000
"""2019-10-01 UTC, in seconds."""
SECONDS = 31 * 86_400
SHAPES = ("rees46", "log")
CATEGORIES, BRANDS, PRODUCTS = 130, 4_300, 170_000


def chunks(events: int, shape: str = "rees46", seed: int = 46) -> Iterator[pa.Table]:
    """The rows, a million at a time; times are text as in the raw files."""
    for start in range(0, events, CHUNK):
        generator = np.random.default_rng([seed, start // CHUNK])
        rows = min(CHUNK, events - start)
        if shape == "log":
            yield _log_chunk(generator, start, rows, events)
        else:
            yield _rees46_chunk(generator, rows, max(events // 10, 1))


def write(
    folder: Path, events: int, formats: tuple[str, ...] = ("parquet", "csv"), shape: str = "rees46"
) -> dict[str, Path]:
    """Write the rows below `folder`, unless they exist; the files' paths by format."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{shape}-{events}.{name}" for name in formats}
    for name, path in paths.items():
        if not path.exists():
            partial = path.with_suffix(".partial")
            (_write_parquet if name == "parquet" else _write_csv)(partial, chunks(events, shape))
            partial.rename(path)
    return paths


def _write_parquet(path: Path, tables: Iterator[pa.Table]) -> None:
    """Times are instants here, as in most Parquet files."""
    writer = None
    for table in tables:
        seconds = pa.compute.strptime(table["event_time"], "%Y-%m-%d %H:%M:%S UTC", "us")
        table = table.set_column(0, "event_time", seconds.cast(pa.timestamp("us", "UTC")))
        writer = writer or pa.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=250_000)
    assert writer is not None
    writer.close()


def _write_csv(path: Path, tables: Iterator[pa.Table]) -> None:
    with path.open("wb") as file:
        for number, table in enumerate(tables):
            options = pa.csv.WriteOptions(include_header=number == 0, quoting_style="none")
            pa.csv.write_csv(table, file, options)


def _rees46_chunk(generator: np.random.Generator, rows: int, users: int) -> pa.Table:
    user = (generator.pareto(1.2, rows) * users / 8).astype(np.int64) % users
    session = generator.integers(0, 2, rows) + user * 2
    product = _zipf(generator, rows, PRODUCTS)
    seconds = START + generator.integers(0, SECONDS, rows)
    return _table(generator, seconds, user, session, product)


def _log_chunk(generator: np.random.Generator, start: int, rows: int, events: int) -> pa.Table:
    user = _zipf(generator, rows, max(events // 10, 2))
    # so that the numbers of the busiest are not the lowest
    user = user * 7_919 % max(events // 10, 2)
    session = generator.integers(0, max(events // 5, 1), rows)
    product = generator.integers(0, PRODUCTS, rows)
    seconds = START + np.sort(generator.integers(start * SECONDS // events, (start + rows) * SECONDS // events, rows))
    return _table(generator, seconds, user, session, product)


def _table(
    generator: np.random.Generator,
    seconds: NDArray[np.int64],
    user: NDArray[np.int64],
    session: NDArray[np.int64],
    product: NDArray[np.int64],
) -> pa.Table:
    rows = len(user)
    brand = _with_nulls(product % BRANDS, product % 7 == 0)
    category = _with_nulls(product % CATEGORIES, product % 3 == 0)
    kinds = pa.array(["view", "cart", "purchase", "remove_from_cart"])
    return pa.table(
        {
            "event_time": _times(seconds),
            "event_type": kinds.take(pa.array(generator.choice(4, rows, p=[0.95, 0.03, 0.015, 0.005]))),
            "product_id": product + 1_000_000,
            "category_id": product % CATEGORIES + 2_053_013_552_000_000_000,
            "category_code": _names("shop.section{}.kind{}", CATEGORIES).take(category),
            "brand": _names("brand{}x{}", BRANDS).take(brand),
            "price": np.round(np.exp(generator.normal(4.5, 1.2, rows)), 2),
            "user_id": user + 500_000_000,
            "user_session": _uuids(session.astype(np.uint64)),
        }
    )


def _zipf(generator: np.random.Generator, rows: int, size: int) -> NDArray[np.int64]:
    """Ranks 0 to size - 1 with probability about 1 / (rank + 1)."""
    return np.minimum(np.exp(generator.random(rows) * np.log(size)).astype(np.int64) - 1, size - 1)


def _with_nulls(values: NDArray[np.int64], null: NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=null)


def _names(pattern: str, size: int) -> pa.Array:
    return pa.array([pattern.format(number % 13, number) for number in range(size)])


def _times(seconds: NDArray[np.int64]) -> pa.Array:
    return pa.compute.strftime(pa.array(seconds, pa.timestamp("s")), "%Y-%m-%d %H:%M:%S UTC")


def _uuids(numbers: NDArray[np.uint64]) -> pa.Array:
    """36 characters of hexadecimal digits a number, with dashes where UUIDs have them."""
    spread = numbers * np.uint64(0x9E3779B97F4A7C15)
    halves = np.stack([spread, spread ^ (spread >> np.uint64(29))], axis=1)
    nibbles = halves.view(np.uint8).reshape(len(numbers), 16)
    digits = np.frombuffer(b"0123456789abcdef", np.uint8)
    text = np.full((len(numbers), 36), ord("-"), np.uint8)
    places = np.array([at for at in range(36) if at not in (8, 13, 18, 23)])
    text[:, places[0::2]] = digits[nibbles >> 4]
    text[:, places[1::2]] = digits[nibbles & 15]
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * 36
    return pa.StringArray.from_buffers(len(numbers), pa.py_buffer(offsets), pa.py_buffer(text.ravel()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--shape", nargs="+", choices=SHAPES, default=["rees46"])
    parser.add_argument("--format", nargs="+", choices=["parquet", "csv"], default=["parquet", "csv"])
    options = parser.parse_args()
    for shape in options.shape:
        for path in write(options.folder, options.events, tuple(options.format), shape).values():
            print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
