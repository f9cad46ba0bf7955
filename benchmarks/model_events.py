"""Training throughput in events a second: the event models and the token model of equal layers and width.

    python benchmarks/model_events.py [--preset 410k] [--threads 2] [--rounds 5] [--batch 8] [--block 512]

All train on the same blocks of histories of the ecommerce domain's sample.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import torch

import domaintoolkit as dt
from domaintoolkit.model import (
    EventBatch,
    EventModel,
    TokenBatch,
    TokenModel,
    event_preset,
    events_from_streams,
    preset,
)
from domaintoolkit.model.bound_model import BoundModel


def make_step(model: BoundModel, batch: TokenBatch | EventBatch, half: bool) -> Callable[[], int]:
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, fused=True)

    def step() -> int:
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            report = model.loss(batch)
        report.loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return int(report.events)

    return step


def pack_histories(streams: dt.Streams, rows: int, block: int) -> tuple[TokenBatch, list[int], list[int]]:
    """Whole histories packed into rows one after another; also the histories taken, and the row of each."""
    ids = torch.zeros(rows, block, dtype=torch.long)
    documents = torch.full((rows, block), -1)
    taken: list[int] = []
    places: list[int] = []
    row, at, number = 0, 0, 0
    for stream in range(len(streams)):
        size = len(streams[stream])
        if size > block:
            continue
        if at + size > block:
            row, at, number = row + 1, 0, 0
        if row == rows:
            break
        ids[row, at : at + size] = torch.from_numpy(streams[stream].astype(np.int64))
        documents[row, at : at + size] = number
        taken, places, at, number = [*taken, stream], [*places, row], at + size, number + 1
    return TokenBatch(ids, documents), taken, places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="410k")
    parser.add_argument("--domain", default="ecommerce")
    for name, default in (("threads", 2), ("rounds", 5), ("batch", 8), ("block", 512), ("rows", 20_000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    domain = dt.get_domain(options.domain)
    tokenizer = dt.DomainTokenizer(domain.schema)
    streams = tokenizer.fit_encode(sample_table(domain, options.rows))
    grammar, size = tokenizer.grammar, len(tokenizer.vocabulary)
    tokens, taken, rows = pack_histories(streams, options.batch, options.block)
    flat = np.concatenate([streams[number] for number in taken])
    offsets = np.cumsum([0, *(len(streams[number]) for number in taken)])
    events = events_from_streams(flat, offsets, grammar).batch(np.array(rows))
    times: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    steps: dict[str, Callable[[], int]] = {}
    for half in (False, True):
        kind = "bf16" if half else "fp32"
        token = TokenModel(preset(options.preset, size, block=options.block), grammar, "none")
        steps[f"token model, {kind}"] = make_step(token, tokens, half)
        for sequential in (False, True):
            event = EventModel(event_preset(options.preset, size, sequential=sequential), grammar, "none")
            name = f"event model{', sequential' if sequential else ''}, {kind}"
            steps[name] = make_step(event, events, half)
    for turn in range(options.rounds + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            counts[name] = step()
            if turn:
                times.setdefault(name, []).append(time.perf_counter() - start)
    print(f"{options.preset}, V = {size:,}, {options.threads} threads")
    print(f"{tuple(tokens.ids.shape)} tokens, {tuple(events.ids.shape[:2])} positions")
    base = counts["token model, fp32"] / statistics.median(times["token model, fp32"])
    for name in steps:
        speed = counts[name] / statistics.median(times[name])
        print(f"{name:32} {counts[name]:6,} events {speed:10,.0f} events/s {speed / base:6.2f}x")


def sample_table(domain: dt.Domain, rows: int) -> pa.Table:
    return pa.Table.from_batches(list(domain.sample(rows, 0)))


if __name__ == "__main__":
    main()
