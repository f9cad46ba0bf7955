"""Run a small study to its end, and again with interruptions at random moments: the tables have to be the same.

    python tests/support/interrupt_study.py --times 10

A call is ended by SIGKILL of the command alone, by SIGKILL of the command and its runs, or by SIGINT, as Ctrl-C does.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STUDY = """title = "Interrupted"
question = "Is the table the same?"
domain = "finance"

[axes.size]
small = { model = { width = 8, layers = 1, heads = 1, part_width = 8 } }
large = { model = { width = 16, layers = 1, heads = 1, part_width = 8 } }

[forms.small]
events = 400
seeds = [0]
[forms.small.recipe]
family = "event"
preset = "54k"
block = 16
batch = 2
steps = STEPS
evaluate_every = 2
checkpoint_every = 2
evaluate_blocks = 1
keep = 1
[[forms.small.grids]]
axes = { size = ["small", "large"] }
"""
TABLES = ("results.csv", "results.parquet")
KINDS = ("kill the command", "kill all", "interrupt")


def start(study: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    command = [sys.executable, "-m", "domaintoolkit", "study", str(study), "-o", str(out), "--jobs", "1"]
    return subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def stop(process: subprocess.Popen[bytes], kind: str) -> None:
    """End a call in one of three ways."""
    if kind == "kill the command":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL if kind == "kill all" else signal.SIGINT)


def finish(study: Path, out: Path) -> float:
    """Run the study to its end; returns its seconds."""
    began = time.monotonic()
    process = start(study, out)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"the study ended with {process.returncode}: {said.decode()[-2000:]}")
    return time.monotonic() - began


def compare(folder: Path, times: int, steps: int, seed: int) -> int:
    """Interrupt a study so many times, and return how many studies that took: one that has ended begins anew."""
    study = folder / "interrupted.toml"
    study.write_text(STUDY.replace("STEPS", str(steps)))
    seconds = finish(study, folder / "whole")
    print(f"without interruption: {seconds:.1f} s", flush=True)
    moments = random.Random(seed)
    number, made = 1, 0
    while made < times:
        out = folder / f"stopped-{number}"
        process = start(study, out)
        # a call takes long to start, so that moments of half the length are of all its parts
        wait, kind = moments.uniform(0.02, 0.5) * seconds, KINDS[made % len(KINDS)]
        try:
            process.communicate(timeout=wait)
            check(folder, out)
            number += 1
        except subprocess.TimeoutExpired:
            stop(process, kind)
            process.communicate()
            made += 1
            done = len(list((out / "cells").glob("*/metrics.json")))
            print(f"{made}: {kind} after {wait:.1f} s; {done} runs are done", flush=True)
    finish(study, folder / f"stopped-{number}")
    check(folder, folder / f"stopped-{number}")
    print(f"the tables are the same after {made} interruptions of {number} studies", flush=True)
    return number


def check(folder: Path, out: Path) -> None:
    """Exit if a table is not that of the study that was not interrupted."""
    for name in TABLES:
        if (folder / "whole" / name).read_bytes() != (out / name).read_bytes():
            raise SystemExit(f"{name} differs: compare {folder / 'whole' / name} with {out / name}")
    print(f"{out.name} has ended with the same tables", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where both studies are kept")
    chosen = parser.parse_args()
    if chosen.folder is not None:
        chosen.folder.mkdir(parents=True)
        compare(chosen.folder, chosen.times, chosen.steps, chosen.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        compare(Path(folder), chosen.times, chosen.steps, chosen.seed)


if __name__ == "__main__":
    main()
