"""Shared by all measured programs: time a function in this process, and print the figures as one JSON line.

It also runs in the environments of the peers, so it needs only the standard library.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from pathlib import Path


def arguments(description: str) -> argparse.Namespace:
    """FILE and the number of runs."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--runs", type=int, default=1)
    return parser.parse_args()


def peak_mib() -> float:
    """Peak memory of this process, on Linux; `ru_maxrss` would include that of its parent before the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def measure(job: Callable[[], object], runs: int, **facts: object) -> None:
    """Run `job` several times. Printed: wall and processor seconds of each run, and the process's peak memory.

    The peak is that after the first run: libraries and the loaded table included, as the system counts it.
    """
    wall, processor, peak = [], [], 0.0
    for number in range(runs):
        gc.collect()
        began, used = time.perf_counter(), time.process_time()
        result = job()
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - used)
        del result
        if number == 0:
            peak = peak_mib()
    print(json.dumps({"wall": wall, "processor": processor, "peak_mib": peak, **facts}))
