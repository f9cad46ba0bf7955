"""Labels predicted from the embeddings of pytorch-lifestream's CoLES, beside those of a model and hand-made features.

    python benchmarks/coles_labels.py RUN STREAMS LABELS [--epochs 10] [--width 128] [--probe linear]

CoLES is trained as its authors do: slices of one history are to lie near each other and far from those of others
(contrastive loss, margin 0.5, five hard negatives; five slices of 5 to 50 events of each history of the training
split). It reads the tokens of the same events as categories. All sources have the same rows and the same probes. Needs
pytorch-lifestream 0.7 and pytorch-lightning, beside the extra `evaluate`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from domaintoolkit.aggregates import AggregateSettings, aggregate
from domaintoolkit.embeddings import embed_labels
from domaintoolkit.labels import place_labels, read_labels
from domaintoolkit.model import EventModel, events_from_streams, load_model
from domaintoolkit.probes.probe_fitting import ProbeSettings
from domaintoolkit.probes.source_comparison import evaluate_sources
from domaintoolkit.storage import EncodedFolder, open_encoded

SLICES, SHORTEST, LONGEST = 5, 5, 50
BATCH, READ = 64, 256
"""Histories of a step of training, and of a batch that is embedded."""

Record = dict[str, torch.Tensor]


def read_records(folder: EncodedFolder, model: EventModel) -> tuple[list[Record], NDArray[np.str_]]:
    """The parts of the events of each history as numbers of categories, and the split of each."""
    rank = model.get_buffer("rank")
    parts = range(model.header_parts, model.header_parts + model.event_parts)
    records, splits = list[Record](), list[str]()
    for rows in folder.streams():
        tensors = events_from_streams(rows.ids, rows.offsets, model.layout)
        # 0 is padding
        numbers = rank[torch.from_numpy(tensors.ids)] + 1
        for low, high in pairwise(tensors.offsets.tolist()):
            # without the header, which is the first position
            record = {f"part {part}": numbers[low + 1 : high, part] for part in parts}
            records.append(record | {"event_time": torch.arange(high - low - 1)})
        splits += rows.table["split"].to_pylist()
    return records, np.array(splits)


def build_encoder(model: EventModel, width: int) -> Any:
    """A GRU over the parts of an event, each with an embedding."""
    from ptls.nn import RnnSeqEncoder, TrxEncoder

    sizes = {}
    for part in range(model.header_parts, model.header_parts + model.event_parts):
        count = len(model.candidates(part)) + 2
        sizes[f"part {part}"] = {"in": count, "out": 16 if count < 1000 else 32}
    reader = TrxEncoder(embeddings=sizes, numeric_values={}, embeddings_noise=0.003)
    return RnnSeqEncoder(trx_encoder=reader, hidden_size=width, type="gru")


def train(encoder: Any, records: list[Record], epochs: int, rate: float) -> None:
    """The contrastive loss on slices of histories that have enough events for two."""
    from ptls.data_load.utils import collate_feature_dict
    from ptls.frames.coles.losses import ContrastiveLoss
    from ptls.frames.coles.sampling_strategies import HardNegativePairSelector
    from ptls.frames.coles.split_strategy import SampleSlices
    from ptls.nn import L2NormEncoder

    splitter = SampleSlices(split_count=SLICES, cnt_min=SHORTEST, cnt_max=LONGEST)
    loss_of = ContrastiveLoss(margin=0.5, sampling_strategy=HardNegativePairSelector(neg_count=5))
    optimizer = torch.optim.Adam(encoder.parameters(), lr=rate)
    scale = L2NormEncoder()
    random = np.random.default_rng(0)
    long = [record for record in records if len(record["event_time"]) > SHORTEST]
    began = time.perf_counter()
    for epoch in range(epochs):
        encoder.train()
        losses = []
        for chosen in np.array_split(random.permutation(len(long)), -(-len(long) // BATCH)):
            slices, owners = [], []
            for row in chosen.tolist():
                for part in splitter.split(long[row]["event_time"].numpy()):
                    slices.append({name: values[part] for name, values in long[row].items()})
                    owners.append(row)
            loss = loss_of(scale(encoder(collate_feature_dict(slices))), torch.tensor(owners))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item() / len(slices))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f} a slice, {time.perf_counter() - began:.0f} s", flush=True)


@torch.inference_mode()
def embed(encoder: Any, records: list[Record], width: int) -> NDArray[np.float32]:
    """(n, width) of whole records, zero for one without events."""
    from ptls.data_load.utils import collate_feature_dict

    encoder.eval()
    out = np.zeros((len(records), width), np.float32)
    lengths = np.array([len(record["event_time"]) for record in records])
    for rows in _batches(np.flatnonzero(lengths)[np.argsort(lengths[lengths > 0], kind="stable")]):
        out[rows] = encoder(collate_feature_dict([records[row] for row in rows.tolist()])).numpy()
    return out


def _batches(rows: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for low in range(0, len(rows), READ):
        yield rows[low : low + READ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("streams")
    parser.add_argument("labels")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--probe", choices=["linear", "LightGBM"], default="linear")
    parser.add_argument("--top-values", type=int, default=600)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)
    folder, model = open_encoded(given.streams), load_model(given.run)
    labels = read_labels(given.labels, folder)
    placed = place_labels(folder, labels)
    records, splits = read_records(folder, model)
    encoder = build_encoder(model, given.width)
    train(encoder, [record for record, split in zip(records, splits, strict=True) if split == "train"], given.epochs,
          given.rate)  # fmt: skip
    # each label row knows the first events of its history; an unknown entity has none
    nothing = {name: values[:0] for name, values in records[0].items()}
    known = [
        {name: values[:events] for name, values in records[history].items()} if history >= 0 else nothing
        for history, events in zip(placed.histories.tolist(), placed.events.tolist(), strict=True)
    ]
    coles = embed(encoder, known, given.width)
    found = aggregate(folder, labels, AggregateSettings(top=given.top_values), placement=placed).values
    own = embed_labels(model, folder, labels, None, placement=placed)
    sources = {
        "aggregates": found,
        "embeddings": own,
        "CoLES": coles,
        "aggregates and embeddings": np.concatenate([found, own], 1),
        "aggregates and CoLES": np.concatenate([found, coles], 1),
        "all three": np.concatenate([found, own, coles], 1),
    }
    report = evaluate_sources(sources, labels, labels.task(), placed, ProbeSettings(probes=(given.probe,), seeds=1))
    for result in report.results:
        metrics = ", ".join(
            f"{name} {each.value:.4f}" + (f" ({each.low:.4f} to {each.high:.4f})" if each.low is not None else "")
            for name, each in result.metrics.items()
        )
        print(f"{result.source} under {result.probe}: {metrics}")


if __name__ == "__main__":
    main()
