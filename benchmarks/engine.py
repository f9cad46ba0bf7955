"""Fitting and encoding compared with DuckDB's sorting of the same file: seconds, peak memory, cost an event.

    python benchmarks/engine.py FOLDER --events 1000000 10000000 [--shape rees46 log] [--format parquet csv]
    python benchmarks/engine.py FOLDER --events 3000000 --shape rees46 log --jobs command
    python benchmarks/engine.py FOLDER --kills 30

Every measurement is a process of its own, so that its peak memory is its own. DuckDB only sorts and writes: it copies
the file, by user and time, into another Parquet file. `fit` and `encode` are the jobs alone, without start-up, over
DuckDB's statement alone. `command` is `domaintoolkit encode` as users run it, which fits too: the whole process over
DuckDB's whole process. Jobs take turns with DuckDB; a ratio is the median of those of the rounds.
`--kills N` kills an encoding of the first size N times at random moments, and compares its output with that of
an undisturbed run.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

import engine_data

DOMAIN = Path(__file__).with_suffix(".toml")
UNFINISHED = "unfinished.json"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Installed packages are compiled; with that variable, those of this folder would be compiled again in each process."""

DUCKDB = """
import sys, time
import duckdb
start = time.perf_counter()
memory, threads, temporary, statement = sys.argv[1:]
connection = duckdb.connect()
connection.execute(f"set memory_limit='{memory}'; set threads={threads}; set temp_directory='{temporary}'")
connection.execute(statement)
print(time.perf_counter() - start)
"""


class Measured(NamedTuple):
    """One process: seconds of the job alone, of the whole process and of all processors, and peak memory in GiB."""

    job: float
    whole: float
    busy: float
    peak: float


def duckdb_command(path: Path, out: Path, memory: str, threads: int) -> list[str]:
    """DuckDB's own sorted copy."""
    table = f"read_csv('{path}', header=true)" if path.suffix == ".csv" else f"'{path}'"
    statement = f"copy (select * from {table} order by user_id, event_time) to '{out}' (format parquet)"
    return [sys.executable, "-c", DUCKDB, memory, str(threads), f"{out}.temporary", statement]


def encode_command(path: Path, out: Path, memory: str, threads: int) -> list[str]:
    """`domaintoolkit encode` as users run it."""
    options = ["-o", str(out), "--memory", memory, "--threads", str(threads), "--json"]
    return [sys.executable, "-m", "domaintoolkit", "encode", "--schema", str(DOMAIN), str(path), *options]


def run_fit(path: Path, out: Path, _: str, threads: int) -> None:
    """Fit on the training entities, and save."""
    from domaintoolkit.jobs import fit
    from domaintoolkit.reading import domain_from_toml, open_source

    domain = domain_from_toml(DOMAIN)
    fit(domain.schema, open_source(path, domain.reader), threads=threads).tokenizer.save(out)


def run_encode(path: Path, out: Path, memory: str, threads: int) -> None:
    """Encode with the tokenizer next to `out`."""
    from domaintoolkit.jobs import encode
    from domaintoolkit.reading import domain_from_toml, open_source
    from domaintoolkit.tokenizer import DomainTokenizer

    tokenizer = DomainTokenizer.load(out.parent / "tokenizer", threads=threads)
    encode(tokenizer, open_source(path, domain_from_toml(DOMAIN).reader), out, memory=memory, threads=threads)


RUNS = {"fit": run_fit, "encode": run_encode}


def measure(job: str, path: Path, out: Path, memory: str, threads: int) -> Measured:
    """One run in its own process."""
    _remove(out)
    if job == "duckdb":
        command = duckdb_command(path, out, memory, threads)
    elif job == "command":
        command = encode_command(path, out, memory, threads)
    else:
        command = [sys.executable, __file__, "--run", job, str(path), str(out), memory, str(threads)]
    os.sync()  # so that writes of an earlier run do not slow this one
    start = time.perf_counter()
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    whole = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{job} ended with {process.returncode}")
    seconds = whole if job == "command" else float(printed.splitlines()[-1])
    return Measured(seconds, whole, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run_job(job: str, path: str, out: str, memory: str, threads: str) -> None:
    """Run once and print the figures. Imports are not measured: their cost does not depend on the table."""
    import pandas as pd  # noqa: F401
    import pyarrow.acero  # Arrow imports it when it first groups rows
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401

    from domaintoolkit.jobs import encode, fit  # noqa: F401 - by name, since the package loads them lazily
    from domaintoolkit.reading import domain_from_toml, open_source  # noqa: F401
    from domaintoolkit.tokenizer import DomainTokenizer  # noqa: F401

    start = time.perf_counter()
    RUNS[job](Path(path), Path(out), memory, int(threads))
    print(time.perf_counter() - start)


def compare(folder: Path, events: int, shape: str, format: str, options: argparse.Namespace) -> None:
    """Measure DuckDB and the jobs in turn, and print the medians of seconds and of ratios."""
    path = engine_data.write(folder, events, (format,), shape)[format]
    outs = {"fit": folder / "tokenizer", "encode": folder / "encoded", "command": folder / "whole"}
    jobs = [job for job in outs if job in options.jobs]
    if "encode" in jobs and "fit" not in jobs:
        measure("fit", path, outs["fit"], options.memory, options.threads)
    found: dict[str, list[Measured]] = {job: [] for job in ["duckdb", *jobs]}
    for _ in range(options.repeat):
        found["duckdb"].append(measure("duckdb", path, folder / "sorted.parquet", options.memory, options.threads))
        for job in jobs:
            found[job].append(measure(job, path, outs[job], options.memory, options.threads))
    sorts = found["duckdb"]
    for job, runs in found.items():
        whole = job == "command"
        ratios = [
            run.whole / sort.whole if whole else run.job / sort.job for run, sort in zip(runs, sorts, strict=True)
        ]
        work = statistics.median(run.busy / sort.busy for run, sort in zip(runs, sorts, strict=True))
        seconds = statistics.median(run.job for run in runs)
        print(
            f"{events:>11,} {shape:<6} {format:<7} {job:<7} {seconds:8.2f} s {statistics.median(ratios):6.2f} of "
            f"DuckDB's ({min(ratios):.2f} to {max(ratios):.2f}) {seconds / events * 1e6:6.3f} us an event "
            f"{statistics.median(run.busy for run in runs):7.2f} s of processors, {work:.2f} of DuckDB's "
            f"{max(run.peak for run in runs):5.2f} GiB",
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
    seconds = measure("encode", path, folder / "encoded", options.memory, options.threads).job
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
    parser.add_argument("--shape", nargs="+", choices=engine_data.SHAPES, default=["rees46"])
    parser.add_argument("--jobs", nargs="*", choices=["fit", "encode", "command"], default=["fit", "encode", "command"])
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kills", type=int, default=0)
    options = parser.parse_args()
    if options.kills:
        kill(options.folder, options.events[0], options.kills, options)
        return
    for events, shape, name in product(options.events, options.shape, options.format):
        compare(options.folder, events, shape, name, options)


if __name__ == "__main__":
    main()
