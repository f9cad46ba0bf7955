"""Fitting and encoding compared with DuckDB's sorting of the same file: seconds, peak memory, cost an event.

    python benchmarks/engine.py FOLDER --events 1000000 10000000 [--format parquet csv] [--memory 2GB] [--repeat 3]
    python benchmarks/engine.py FOLDER --kills 30

Every measurement is a process of its own, so that its peak memory is its own. DuckDB only sorts and writes: it copies
the file, by user and time, into another Parquet file. `--kills N` kills an encoding of the first size N times at
random moments, and compares its output with that of an undisturbed run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import engine_data

if TYPE_CHECKING:  # the measured process imports these before its clock starts
    from domaintoolkit.schema import Reader, Schema

UNFINISHED = "unfinished.json"
CHOICES = (statistics.median, statistics.median, max)
"""Of several runs: the median seconds, of the clock and of the processors, and the largest memory."""


def reader() -> Reader:
    """The layout of the raw files."""
    from domaintoolkit.schema import Column, Reader

    types = {"product_id": "int64", "category_id": "int64", "price": "float64", "user_id": "int64"}
    names = ["event_type", "product_id", "category_id", "category_code", "brand", "price", "user_id", "user_session"]
    columns: list[Any] = [Column(name, types.get(name, "string")) for name in names]  # type: ignore[arg-type]
    when = Column("event_time", "timestamp", time_format="%Y-%m-%d %H:%M:%S UTC")
    return Reader(columns=(when, *columns))


def schema() -> Schema:
    """The fields of an event."""
    from domaintoolkit.schema import Categorical, Numeric, Schema, Timestamp

    return Schema(
        entity="user_id",
        time="event_time",
        session="user_session",
        fields=(
            Categorical("event_type"),
            Categorical("category_code", separator="."),
            Categorical("brand"),
            Categorical("product_id", unseen="hash"),
            Numeric("price"),
            Timestamp("event_time"),
        ),
    )


def run_duckdb(path: Path, out: Path, memory: str, threads: int) -> None:
    """DuckDB's own sorted copy."""
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"set memory_limit='{memory}'; set threads={threads}; set temp_directory='{out}.temporary'")
    table = f"read_csv('{path}', header=true)" if path.suffix == ".csv" else f"'{path}'"
    connection.execute(f"copy (select * from {table} order by user_id, event_time) to '{out}' (format parquet)")


def run_fit(path: Path, out: Path, _: str, threads: int) -> None:
    """Fit on the training entities, and save."""
    from domaintoolkit.jobs import fit
    from domaintoolkit.reading import open_source

    fit(schema(), open_source(path, reader()), threads=threads).tokenizer.save(out)


def run_encode(path: Path, out: Path, memory: str, threads: int) -> None:
    """Encode with the tokenizer next to `out`."""
    from domaintoolkit.jobs import encode
    from domaintoolkit.reading import open_source
    from domaintoolkit.tokenizer import DomainTokenizer

    tokenizer = DomainTokenizer.load(out.parent / "tokenizer", threads=threads)
    encode(tokenizer, open_source(path, reader()), out, memory=memory, threads=threads)


RUNS = {"duckdb": run_duckdb, "fit": run_fit, "encode": run_encode}


def measure(job: str, path: Path, out: Path, memory: str, threads: int) -> tuple[float, float, float]:
    """(seconds without start-up, those of all processors, peak memory in GiB) of one run in its own process."""
    _remove(out)
    os.sync()  # so that writes of an earlier run do not slow this one
    command = [sys.executable, __file__, "--run", job, str(path), str(out), memory, str(threads)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds, busy, peak = json.loads(result.stdout.splitlines()[-1])
    return seconds, busy, peak


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_job(job: str, path: str, out: str, memory: str, threads: str) -> None:
    """Run once and print the figures. Imports are not measured: their cost does not depend on the table."""
    import duckdb  # noqa: F401
    import pandas as pd  # noqa: F401
    import pyarrow.acero  # Arrow imports it when it first groups rows
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    from domaintoolkit.jobs import encode, fit  # noqa: F401 - by name, since the package loads them lazily
    from domaintoolkit.reading import open_source  # noqa: F401
    from domaintoolkit.tokenizer import DomainTokenizer  # noqa: F401

    start, before = time.perf_counter(), time.process_time()
    RUNS[job](Path(path), Path(out), memory, int(threads))
    seconds, busy = time.perf_counter() - start, time.process_time() - before
    print(json.dumps([seconds, busy, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20]))


def compare(folder: Path, events: int, format: str, options: argparse.Namespace) -> None:
    """Measure all three in turn, and print their medians."""
    path = engine_data.write(folder, events, (format,))[format]
    outs = {"duckdb": folder / "sorted.parquet", "fit": folder / "tokenizer", "encode": folder / "encoded"}
    found: dict[str, list[tuple[float, float, float]]] = {job: [] for job in outs}
    for _ in range(options.repeat):
        for job, out in outs.items():
            found[job].append(measure(job, path, out, options.memory, options.threads))
    sort = statistics.median(seconds for seconds, _, _ in found["duckdb"])
    for job, runs in found.items():
        seconds, busy, peak = (choose(values) for choose, values in zip(CHOICES, zip(*runs, strict=True), strict=True))
        print(
            f"{events:>11,} {format:<8} {job:<7} {seconds:8.2f} s {seconds / sort:6.2f} of DuckDB's "
            f"{seconds / events * 1e6:6.3f} us an event {busy:8.2f} s of processors {peak:5.2f} GiB",
            flush=True,
        )


def checksums(folder: Path) -> dict[str, str]:
    """The checksum of every file below a folder."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def kill(folder: Path, events: int, kills: int, options: argparse.Namespace) -> None:
    """Kill an encoding at random moments until it has survived `kills` of them."""
    path = engine_data.write(folder, events, ("parquet",))["parquet"]
    measure("fit", path, folder / "tokenizer", options.memory, options.threads)
    seconds, _, _ = measure("encode", path, folder / "encoded", options.memory, options.threads)
    wanted = checksums(folder / "encoded")
    out, done, runs = folder / "killed", 0, 0
    _remove(out)
    draw = np.random.default_rng(30)
    command = [sys.executable, __file__, "--run", "encode", str(path), str(out), options.memory, str(options.threads)]
    while done < kills:
        runs += 1
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            process.wait(draw.uniform(0.3, seconds + 1.5))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            done += 1
        if (out / "manifest.json").exists() and not (out / UNFINISHED).exists():
            assert checksums(out) == wanted, "the bytes differ from those of an undisturbed run"
            _remove(out)
    if out.exists():
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        assert checksums(out) == wanted, "the bytes differ from those of an undisturbed run"
    print(f"{done} kills in {runs} runs of an encoding of {events:,} events: the same bytes every time")


def main() -> None:
    if sys.argv[1:2] == ["--run"]:
        run_job(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--format", nargs="+", choices=["parquet", "csv"], default=["parquet"])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    if options.kills:
        kill(options.folder, options.events[0], options.kills, options)
        return
    for events in options.events:
        for name in options.format:
            compare(options.folder, events, name, options)


if __name__ == "__main__":
    main()
