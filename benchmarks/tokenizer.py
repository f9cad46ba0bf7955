"""domaintoolkit and its peers on the same rows, alternately in one session.

    benchmarks/peers/install.sh
    python benchmarks/tokenizer.py [--peers FOLDER] [--rounds 5] [--only lifestream replay words entity commands]

Each measurement is a process of its own, which loads the rows, and then times the job several times; ours and the
peer's take turns. The tables hold medians over all runs of all rounds (pytorch-lifestream: one run a process): wall
and processor seconds, and the process's peak memory with libraries and table, after its first run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tokenizer_data import EVENTS, USERS, write

import domaintoolkit as dt

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "peers"))
from ours import schema  # noqa: E402 - it lies among the programs that the peers' environments run

Figures = dict[str, Any]


def run_program(python: Path | str, program: str, file: Path, runs: int, *more: str) -> Figures:
    """The figures that one measured program prints."""
    command = [str(python), str(HERE / "peers" / program), str(file), "--runs", str(runs), *more]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures: Figures = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def alternate(ours: Sequence[Any], peer: Sequence[Any], rounds: int) -> tuple[list[Figures], list[Figures]]:
    """The figures of the two, run in turn: A B A B. Each is the arguments of `run_program`."""
    made: tuple[list[Figures], list[Figures]] = ([], [])
    for _ in range(rounds):
        for side, arguments in zip(made, (ours, peer), strict=True):
            side.append(run_program(*arguments))
    return made


def report(title: str, ours: list[Figures], peer: list[Figures]) -> None:
    """A line for each side, and the ratios: of the medians, and the lowest and highest of the rounds."""
    print(f"\n{title}   (load {os.getloadavg()[0]:.1f})")
    print(f"{'':14}{'wall s':>9}{'fastest':>9}{'cpu s':>9}{'peak MiB':>10}{'events/s':>13}{'entities/s':>12}")
    medians = {}
    for name, side in (("domaintoolkit", ours), ("peer", peer)):
        wall = statistics.median(second for run in side for second in run["wall"])
        fastest = min(second for run in side for second in run["wall"])
        cpu = statistics.median(second for run in side for second in run["processor"])
        peak = statistics.median(run["peak_mib"] for run in side)
        medians[name] = wall, cpu, peak
        print(f"{name:14}{wall:9.3f}{fastest:9.3f}{cpu:9.3f}{peak:10.0f}{EVENTS / wall:13,.0f}{USERS / wall:12,.0f}")
    pairs = [statistics.median(b["wall"]) / statistics.median(a["wall"]) for a, b in zip(ours, peer, strict=True)]
    wall, cpu, peak = (b / a for a, b in zip(medians["domaintoolkit"], medians["peer"], strict=True))
    print(
        f"peer / ours: wall {wall:.2f} (rounds {min(pairs):.2f} to {max(pairs):.2f}), cpu {cpu:.2f}, memory {peak:.2f}"
    )
    print(f"ours / peer: wall {1 / wall:.3f}")


def write_words(rows: Path, path: Path) -> None:
    """Each history's tokens by name, joined with spaces, as input for a text tokenizer."""
    streams = dt.DomainTokenizer(schema()).fit_encode(pq.read_table(rows))
    names = [name.replace(" ", "_") for name in streams.vocabulary.names]
    table = pa.table({"words": [" ".join(map(names.__getitem__, ids.tolist())) for ids in streams]})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as stream:
        stream.write_table(table)


def time_entities(rows: Path) -> None:
    """`encode_entity`: medians of 2,000 calls, on 150 events and on one."""
    table = pq.read_table(rows)
    tokenizer = dt.DomainTokenizer(schema()).fit(table)
    history = table.slice(0, 150).set_column(0, "user_id", pa.array(np.full(150, 7))).sort_by("event_time").to_pylist()
    print(f"\nencode_entity   (load {os.getloadavg()[0]:.1f})")
    for events in (150, 1):
        seconds = []
        for _ in range(2_000):
            began = time.perf_counter()
            tokenizer.encode_entity(history[:events])
            seconds.append(time.perf_counter() - began)
        print(
            f"{events:4} events: median {statistics.median(seconds) * 1e3:.4f} ms, fastest {min(seconds) * 1e3:.4f} ms"
        )


def time_commands(rounds: int) -> None:
    """Whole processes: `--help`, and encoding the embedded sample into an empty folder."""
    program = str(Path(sys.executable).with_name("domaintoolkit"))
    print(f"\ncommands   (load {os.getloadavg()[0]:.1f})")
    for arguments in (["--help"], ["encode", "--domain", "ecommerce"]):
        seconds = []
        for _ in range(2 * rounds):
            with tempfile.TemporaryDirectory() as folder:
                more = ["-o", f"{folder}/out"] if arguments[0] == "encode" else []
                began = time.perf_counter()
                subprocess.run([program, *arguments, *more], check=True, capture_output=True, cwd=folder)
                seconds.append(time.perf_counter() - began)
        print(f"{' '.join(arguments)}: median {statistics.median(seconds):.3f} s, fastest {min(seconds):.3f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, default=Path("~/.cache/domaintoolkit-peers").expanduser())
    parser.add_argument("--rounds", type=int, default=5)
    sections = ["lifestream", "replay", "words", "entity", "commands"]
    parser.add_argument("--only", nargs="+", choices=sections, default=sections)
    given = parser.parse_args()
    rows, words, ours = given.peers / "events.parquet", given.peers / "words.arrow", sys.executable
    write(rows)
    python = {name: given.peers / name / "bin" / "python" for name in ("lifestream", "replay", "tokenizers")}
    if "replay" in given.only:
        sides = [ours, "ours.py", rows, 7], [python["replay"], "replay_labels.py", rows, 7]
        report("fit + encode + group, against RePlay 0.22 and polars", *alternate(*sides, given.rounds))
    if "words" in given.only:
        if not words.exists():
            write_words(rows, words)
        for timed in ("encode", "grouped"):
            sides = [ours, "ours.py", rows, 7, "--timed", timed], [python["tokenizers"], "words.py", words, 2]
            report(f"{timed}, against tokenizers on words", *alternate(*sides, max(given.rounds // 2, 1)))
    if "lifestream" in given.only:
        sides = [ours, "ours.py", rows, 7], [python["lifestream"], "lifestream.py", rows, 1]
        report("fit + encode + group, against pytorch-lifestream 0.6.0", *alternate(*sides, max(given.rounds // 2, 1)))
    if "entity" in given.only:
        time_entities(rows)
    if "commands" in given.only:
        time_commands(given.rounds)


if __name__ == "__main__":
    main()
