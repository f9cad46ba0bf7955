"""The speed of reading blocks from memory-mapped shards: tokens a second on one core, with packing and padding.

python benchmarks/loader.py [--tokens 20000000] [--block 512] [--batch 128]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa

from domaintoolkit.grammar import Place, WindowStart
from domaintoolkit.storage.manifest import Manifest
from domaintoolkit.storage.shards import shard_table, write_shard
from domaintoolkit.streams.streams import Streams
from domaintoolkit.vocabulary import Vocabulary, special_tokens
from domaintoolkit.windows.loader import Loader
from domaintoolkit.windows.packing import WindowRule, to_dense
from domaintoolkit.windows.shard_histories import HistorySource, open_shards


def write_folder(folder: Path, tokens: int, mean_events: float, shards: int = 8, event: int = 7) -> None:
    """Histories of geometric length, `event` tokens an event, as an encoded folder."""
    generator = np.random.default_rng(0)
    entries, header = [], 5
    for shard in range(shards):
        rows = int(tokens / shards / (mean_events * event + header))
        events = generator.geometric(1 / mean_events, rows)
        offsets = np.concatenate([[0], np.cumsum(header + event * events)])
        event_offsets = np.concatenate([[0], np.cumsum(events)])
        inner = np.arange(event_offsets[-1]) - np.repeat(event_offsets[:-1], events)
        ids = generator.integers(8, 4000, offsets[-1]).astype(np.uint16)
        ids[offsets[:-1, None] + np.arange(header)] = [0, 1, 5, 6, 7]
        made = Streams(
            entities=pa.table({"user": pa.array(np.arange(rows) + shard * rows)}),
            ids=ids,
            offsets=offsets,
            event_starts=np.repeat(offsets[:-1], events) + header + event * inner,
            event_offsets=event_offsets,
            source=SimpleNamespace(vocabulary=Vocabulary.from_tokens(special_tokens())),
            times=np.cumsum(np.full(event_offsets[-1], 10**9)),
        )
        table = shard_table(made)
        entries.append(write_shard(folder, shard, table))
    columns = {field.name: str(field.type) for field in table.schema}
    Manifest({}, {}, columns, tuple(entries), {}).save(folder)


def measure(folder: Path, block: int, batch: int, batches: int) -> tuple[float, float, float]:
    """(seconds to open and plan, tokens a second, share of padding)."""
    place = np.zeros(4096, np.int16)
    place[5] = 1
    start = WindowStart(place, session=-1, anchor_place=1, delta_place=int(Place.OTHER), no_delta=-1)
    rule = WindowRule(start, lambda times: (np.repeat(times % 7, 3), np.arange(0, 3 * len(times) + 1, 3)))
    began = time.perf_counter()
    loader = Loader(HistorySource(open_shards(folder, verify=False), "train"), rule, block, batch)
    opened = time.perf_counter() - began
    began, tokens, room = time.perf_counter(), 0, 0
    for number, made in enumerate(loader.batches()):
        if number == batches:
            break
        ids, _ = to_dense(made.windows, made.rows, block)
        tokens += int(made.windows.offsets[-1])
        room += ids.size
    return opened, tokens / (time.perf_counter() - began), 1 - tokens / room


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, default=20_000_000)
    parser.add_argument("--block", type=int, default=512)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    print("| events a history | open and plan, s | million tokens/s | padding |\n|---|---|---|---|")
    for mean_events in (2.0, 20.0, 500.0):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "encoded"
            write_folder(folder, options.tokens, mean_events)
            measure(folder, options.block, options.batch, 2)
            batches = max(1, int(options.tokens * 0.7 / options.block / options.batch))
            runs = [measure(folder, options.block, options.batch, batches) for _ in range(3)]
        opened, speed, padding = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"| {mean_events:g} | {opened:.2f} | {speed / 1e6:.1f} | {padding:.2%} |")


if __name__ == "__main__":
    main()
