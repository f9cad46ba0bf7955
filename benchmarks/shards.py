"""The formats that shards could have: bytes an event, and the time to write and to read one.

    python benchmarks/shards.py --domain ecommerce --events 1000000

Ids are unsigned integers of 16 bits, as shards hold them, or signed ones of 32 bits, which torch takes as they are.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from domaintoolkit import DomainTokenizer, get_domain
from domaintoolkit.reading import read_sample
from domaintoolkit.storage.shards import shard_table

ROUNDS = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--domain", default="ecommerce")
    parser.add_argument("--events", type=int, default=1_000_000)
    options = parser.parse_args()
    domain = get_domain(options.domain)
    rows = pa.Table.from_batches(list(read_sample(domain, options.events)))
    streams = DomainTokenizer(domain.schema).fit(rows).encode_by_hash(rows)
    table = shard_table(streams)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'format':<26}{'B/event':>9}{'write, ms':>11}{'read, ms':>10}")
        for name, measured in _measure(table, Path(folder)):
            size, write, read = measured
            print(f"{name:<26}{size / streams.events:>9.1f}{write * 1e3:>11.1f}{read * 1e3:>10.1f}")


def _measure(table: pa.Table, folder: Path) -> list[tuple[str, tuple[int, float, float]]]:
    made = []
    for ids, stored in (("uint16", table), ("int32", _with_wide_ids(table))):
        ways: dict[str, tuple[Callable[[Path], None], Callable[[Path], pa.Table]]] = {
            "Arrow stream": (partial(_write_ipc, stored, pa.ipc.new_stream, None), partial(_read, pa.ipc.open_stream)),
            "Arrow file": (partial(_write_ipc, stored, pa.ipc.new_file, None), partial(_read, pa.ipc.open_file)),
            "Arrow file, lz4": (partial(_write_ipc, stored, pa.ipc.new_file, "lz4"), partial(_read, pa.ipc.open_file)),
            "Parquet, zstd": (partial(_write_parquet, stored), pa.parquet.read_table),
        }
        for name, (write, read) in ways.items():
            path = folder / f"{ids} {name}"
            times = [(_time(write, path), _time(read, path)) for _ in range(ROUNDS)]
            made.append((f"{name}, {ids}", (path.stat().st_size, *(min(each) for each in zip(*times, strict=True)))))
    return made


def _with_wide_ids(table: pa.Table) -> pa.Table:
    ids = table["ids"].combine_chunks()
    wide = pa.ListArray.from_arrays(ids.offsets, ids.values.cast(pa.int32()))
    return table.set_column(table.schema.get_field_index("ids"), "ids", wide)


def _write_ipc(table: pa.Table, new: Any, compression: str | None, path: Path) -> None:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.OSFile(str(path), "wb") as file, new(file, table.schema, options=options) as writer:
        writer.write_table(table)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pa.parquet.write_table(table, path, compression="zstd")


def _read(open_: Any, path: Path) -> pa.Table:
    return open_(pa.memory_map(str(path))).read_all()


def _time(function: Callable[[Path], Any], path: Path) -> float:
    """Seconds of the processor; a table that was read is gone through, since a memory map reads nothing by itself."""
    start = time.process_time()
    made = function(path)
    if made is not None:
        made["ids"].combine_chunks().values.to_numpy().sum()
    return time.process_time() - start


if __name__ == "__main__":
    main()
