"""Embeddings of an encoded folder: events a second of processor time on one thread, beside pytorch-lifestream's CoLES.

    python benchmarks/embedding.py STREAMS [--rounds 7] [--block 128] [--dates 5]

An untrained event model of the preset 410k (width 128, two layers) embeds whole histories, histories as of some dates
each, and every event; files are read and written. With pytorch-lifestream 0.6 installed beside, its CoLES encoder, a
GRU of the same width, reads the tokens of the same events as categories, from tensors in memory. All take turns.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from domaintoolkit.embeddings import embed_folder, embed_labels
from domaintoolkit.labels import LabelSettings, LabelTable, read_labels
from domaintoolkit.model import EventModel, event_preset, events_from_streams
from domaintoolkit.storage import EncodedFolder, open_encoded
from domaintoolkit.tokenizer import DomainTokenizer

TOGETHER = 64
"""Histories of a batch of CoLES."""


def draw_dates(folder: EncodedFolder, tokenizer: DomainTokenizer, count: int) -> LabelTable:
    """So many random moments of each history as label rows, each at one of its events."""
    random, keys, dates = np.random.default_rng(0), list[pa.Array](), list[Any]()
    for rows in folder.streams():
        low, high = rows.event_offsets[:-1], rows.event_offsets[1:]
        there = np.repeat(np.flatnonzero(high > low), count)
        keys.append(pa.table(rows.table.select(tokenizer.schema.entity)).take(pa.array(there)))
        dates.append(rows.times[random.integers(low[there], high[there])])
    table = pa.concat_tables(keys).append_column("date", pa.array(np.concatenate(dates), pa.timestamp("us", "UTC")))
    return read_labels(table, folder, LabelSettings(including=True))


def coles(folder: EncodedFolder, model: EventModel) -> Callable[[], None]:
    """The same events through a GRU as wide as the model, its inputs as wide too."""
    from ptls.data_load.utils import collate_feature_dict
    from ptls.nn import RnnSeqEncoder, TrxEncoder

    parts, width = range(model.header_parts, model.header_parts + model.event_parts), model.config.width
    records = []
    for rows in folder.streams():
        tensors = events_from_streams(rows.ids, rows.offsets, model.layout)
        rank = model.get_buffer("rank")[torch.from_numpy(tensors.ids)] + 1
        for low, high in zip(tensors.offsets[:-1] + 1, tensors.offsets[1:], strict=True):
            record = {f"part {part}": rank[low:high, part] for part in parts}
            records.append(record | {"event_time": torch.arange(int(high - low))})
    sizes = {
        f"part {part}": {"in": len(model.candidates(part)) + 2, "out": max(4, width // len(parts))} for part in parts
    }
    reader = TrxEncoder(embeddings=sizes, numeric_values={}, use_batch_norm=False)
    encoder = RnnSeqEncoder(trx_encoder=reader, hidden_size=width, type="gru").eval()
    records.sort(key=lambda record: len(record["event_time"]))

    @torch.inference_mode()
    def run() -> None:
        for low in range(0, len(records), TOGETHER):
            encoder(collate_feature_dict(records[low : low + TOGETHER]))

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("streams")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--block", type=int, default=128)
    parser.add_argument("--dates", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    folder = open_encoded(given.streams)
    tokenizer = DomainTokenizer.load(folder.tokenizer_folder)
    config = event_preset("410k", len(tokenizer.vocabulary), block=given.block)
    model = EventModel(config, tokenizer.grammar, tokenizer.vocabulary.hash)
    labels, events = draw_dates(folder, tokenizer, given.dates), folder.manifest.totals["events"]
    with tempfile.TemporaryDirectory() as made:
        out = Path(made)
        jobs: dict[str, Callable[[], object]] = {
            "embed": lambda: embed_folder(model, folder, out / "whole.parquet"),
            "embed --at": lambda: embed_labels(model, folder, labels, out / "dated.parquet"),
            "embed --every-event": lambda: embed_folder(model, folder, out / "events.parquet", every_event=True),
        }
        try:
            jobs["CoLES"] = coles(folder, model)
        except ImportError:
            print("pytorch-lifestream is not installed: CoLES is left out")
        taken: dict[str, list[float]] = {name: [] for name in jobs}
        for round_ in range(given.rounds + 1):
            for name, job in jobs.items():
                began = time.process_time()
                job()
                if round_:  # the first compiles and fills caches
                    taken[name].append(time.process_time() - began)
    for name, seconds in taken.items():
        ratios = [one / other for one, other in zip(seconds, taken["embed"], strict=True)]
        middle = statistics.median(seconds)
        print(
            f"{name:20} {middle:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), {events / middle:9,.0f} events/s, "
            f"{statistics.median(ratios):.2f} times embed ({min(ratios):.2f} to {max(ratios):.2f})"
        )


if __name__ == "__main__":
    main()
