"""Composites, measured: construction, segmentation, and how time grows with events and with merges.

    python benchmarks/composite.py [--histories FILE] [--scaling] [--threads N]

Without a file, histories of the same shape are drawn: items of five features (32, 64, 16, 24 and 128 values) that
latent clusters correlate, and histories that stay within a few clusters. Compilation is timed separately,
with an empty cache. `--scaling` also runs 100,000 to 1,000,000 events and 5,000 to 40,000 merges, one process each to
measure its memory, and writes benchmarks/composite/scaling.csv and scaling.svg.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.composite import Arrays, Segmenter, learn, share_emitted
from domaintoolkit.grammar import Grammar, Place
from domaintoolkit.grammar.grammar import events_begun
from domaintoolkit.schema import Composite

T = TypeVar("T")
CARDINALITIES = (32, 64, 16, 24, 128)
FOLDER = Path(__file__).parent / "composite"
EVENTS, MERGES = (100_000, 300_000, 1_000_000), (5_000, 10_000, 20_000, 40_000)


def grammar_of_features(place: NDArray[np.int16], features: int) -> Grammar:
    """A grammar in which every event has one value of each feature, and nothing else but a [BOS]."""
    names = tuple(f"feature{i}" for i in range(features))
    start, ones = place >= 0, np.ones(len(place), np.int16)
    events_in = events_begun(place, start, 0)
    return Grammar(0, features, names, place, start, ones, start, events_in, names, 0, -1, -1, np.zeros(0, np.int64))


def draw(events: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(events, 5) feature values, and the lengths of the histories: 20 events each."""
    random = np.random.default_rng(seed)
    histories, clusters, items = events // 20, 40, max(3_000, events // 20)
    own = np.stack([random.integers(0, card, (clusters, 4)) for card in CARDINALITIES], axis=-1)
    cluster = random.integers(0, clusters, items)
    typical = own[cluster, random.integers(0, 4, items)]
    anything = np.stack([random.integers(0, card, items) for card in CARDINALITIES], axis=-1)
    features = np.where(random.random((items, 5)) < 0.7, typical, anything)
    members = np.argsort(cluster, kind="stable")
    first = np.searchsorted(cluster[members], np.arange(clusters + 1))
    tastes = random.integers(0, clusters, (histories, 3))
    chosen = np.take_along_axis(tastes, random.integers(0, 3, (histories, 20)), axis=1)
    place = first[chosen] + (random.random(chosen.shape) ** 2 * (first[chosen + 1] - first[chosen])).astype(np.int64)
    return features[members[place.ravel()]], np.full(histories, 20)


def read(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The events of a file with `state2feat` (item: features) and `corpus` (histories of items)."""
    data = json.loads(gzip.decompress(path.read_bytes()))
    features = np.array([data["state2feat"][str(i)] for i in range(len(data["state2feat"]))])
    items = np.array([int(item) for history in data["corpus"] for item in history])
    return features[items], np.array([len(history) for history in data["corpus"]])


def streams_of(features: NDArray[np.int64], lengths: NDArray[np.int64]) -> tuple[Arrays, Grammar]:
    """Base streams: [BOS] is id 0, the values of the features follow."""
    ids, place = np.empty(features.shape, np.int64), [np.full(1, Place.BOS)]
    for i in range(features.shape[1]):
        known, ids[:, i] = np.unique(features[:, i], return_inverse=True)
        ids[:, i] += sum(map(len, place))
        place.append(np.full(len(known), i))
    width, before = features.shape[1], np.cumsum([0, *lengths])
    flat = np.insert(ids.ravel(), before[:-1] * width, 0).astype(np.uint32)
    history = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.arange(len(features)) * width + history + 1
    streams = Arrays(flat, before * width + np.arange(len(before)), starts, before)
    return streams, grammar_of_features(np.concatenate(place).astype(np.int16), width)


def time_runs(run: Callable[[], T], times: int) -> tuple[float, T]:
    """The median of several runs, in seconds, and the last result."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        result = run()
        taken.append(time.perf_counter() - begin)
    return median(taken), result


def measure(streams: Arrays, grammar: Grammar, merges: int, threads: int, times: int) -> None:
    """Print construction and segmentation, directed and undirected."""
    events, base = len(streams.event_starts), len(grammar.place)
    print(f"{events:,} events in {len(streams.offsets) - 1:,} histories, {merges:,} merges, {threads} threads")
    for directed in (True, False):
        spec = Composite(vocabulary_size=merges, min_weight=0, directed=directed)
        taken, model = time_runs(partial(learn, streams, grammar, spec, base), times)
        tool = Segmenter(model, grammar, threads=threads)
        greedy, segmented = time_runs(partial(tool.greedy, streams), times)
        spr, shuffled = time_runs(partial(tool.spr, streams, seed=0), times)
        tokens = [(len(found.ids) - len(streams.offsets) + 1) / events for found in (segmented, shuffled)]
        print(f"  {'directed' if directed else 'undirected'}: construction {taken:.3f} s, {len(model):,} merges")
        print(f"    greedy {events / greedy / 1e6:.2f} million events/s, {tokens[0]:.3f} tokens an event")
        print(f"    SPR    {events / spr / 1e6:.2f} million events/s, {tokens[1]:.3f} tokens an event")
        print(f"    composites ever emitted by greedy: {share_emitted(model, segmented.ids):.1%}")
        if directed:
            back, found = time_runs(partial(tool.expand, *segmented[:2]), times)
            assert np.array_equal(found.ids, streams.ids)
            print(f"    expand {events / back / 1e6:.2f} million events/s")


def time_compilation() -> None:
    """Time the first use of everything, with an empty cache and with a full one."""
    with tempfile.TemporaryDirectory() as folder:
        for cache in ("empty", "full"):
            begin = time.perf_counter()
            command = [sys.executable, __file__, "--warm-up"]
            subprocess.run(command, check=True, env={**os.environ, "NUMBA_CACHE_DIR": folder})
            print(f"first use with {cache} cache: {time.perf_counter() - begin:.1f} s")


def use_everything() -> None:
    """Compile, or load, every loop."""
    streams, grammar = streams_of(*draw(200))
    tool = Segmenter(learn(streams, grammar, Composite(vocabulary_size=10), len(grammar.place)), grammar, threads=1)
    tool.spr(streams, seed=0)
    tool.expand(*tool.greedy(streams)[:2])


def learn_once(events: int, merges: int) -> None:
    """Construct once, and print events, merges, seconds of CPU and peak memory in bytes.

    Construction runs in one thread: on an idle machine, seconds of CPU are those of the clock.
    """
    streams, grammar = streams_of(*draw(events))
    use_everything()
    spec = Composite(vocabulary_size=merges, min_weight=0)
    begin = time.process_time()
    made = len(learn(streams, grammar, spec, len(grammar.place)))
    taken = time.process_time() - begin
    print(f"{events},{made},{taken:.3f},{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}")


def measure_scaling() -> None:
    """Run every size in a process of its own; write the table and the figure."""
    FOLDER.mkdir(exist_ok=True)
    rows = []
    for events in EVENTS:
        for merges in MERGES:
            command = [sys.executable, __file__, "--one", str(events), str(merges)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            rows.append(output.strip().split(","))
            print(*rows[-1])
    with (FOLDER / "scaling.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["events", "merges", "cpu_seconds", "peak_memory_bytes"], *rows])
    plot()


def plot() -> None:
    """Draw the table: time against events, and against merges."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "composite"
    import matplotlib.pyplot as plt

    with (FOLDER / "scaling.csv").open() as file:
        rows = [(int(row["events"]), int(row["merges"]), float(row["cpu_seconds"])) for row in csv.DictReader(file)]
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
    for axis, (x, by), (title, other) in zip(
        axes, ((0, 1), (1, 0)), (("events", "merges"), ("merges", "events")), strict=True
    ):
        for value in sorted({row[by] for row in rows}):
            points = sorted((row[x], row[2]) for row in rows if row[by] == value)
            axis.plot(*zip(*points, strict=True), marker="o", label=f"{value:,} {other}")
        axis.set(xlabel=title, ylabel="construction, CPU seconds", xscale="log", yscale="log")
        axis.legend()
    figure.savefig(FOLDER / "scaling.svg", metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=Path, help="a file like the one that ActionPiece was measured on")
    parser.add_argument("--merges", type=int, default=1735)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--only-scaling", action="store_true")
    parser.add_argument("--no-compilation", action="store_true")
    parser.add_argument("--one", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--warm-up", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return learn_once(*options.one)
    if options.warm_up:
        return use_everything()
    if options.only_scaling:
        return measure_scaling()
    if not options.no_compilation:
        time_compilation()
    use_everything()
    data = read(options.histories) if options.histories else draw(40_000)
    measure(*streams_of(*data), options.merges, options.threads, options.times)
    return measure_scaling() if options.scaling else None


if __name__ == "__main__":
    main()
