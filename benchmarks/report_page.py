"""The page of a run with 10,000 held-out entities: its size, how long a browser takes to open it, and its errors.

    python benchmarks/report_page.py            # with Chromium; --keep FOLDER keeps the page

A shop of 12,000 users is drawn, of whom 10,000 are held out; a model learns for a few steps, since the page is as large
and as slow with any weights.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from browser import Tab, open_browser

SCHEMA = """entity = "user"
time = "at"
session_gap = "30m"

[split]
column = "part"

[[static]]
name = "country"
type = "categorical"

[[fields]]
name = "kind"
type = "categorical"

[[fields]]
name = "brand"
type = "categorical"

[[fields]]
name = "price"
type = "numeric"

[[fields]]
name = "at"
type = "timestamp"
parts = ["weekday", "hour"]
"""
SEARCH = "SEARCH.value = 'purchase'; document.getElementById('order').dispatchEvent(new Event('change')); 0"
KINDS = ("view", "view", "view", "cart", "purchase")


def draw_rows(users: int, events: int, held_out: int, seed: int = 0) -> pa.Table:
    """Histories of 1 to 2 * events - 1 events; the first `held_out` users are of the test split."""
    rng = np.random.default_rng(seed)
    user = np.repeat(np.arange(users), rng.integers(1, 2 * events, users))
    at = 1_700_000_000 + rng.integers(0, 90 * 86_400, users)[user] + np.cumsum(rng.integers(20, 4_000, len(user)))
    parts = np.where(np.arange(users) < held_out, "test", np.where(np.arange(users) % 4, "train", "validation"))
    return pa.table({
        "user": [f"user-{number:06}" for number in user],
        "at": pa.array(at.astype(np.int64) * 1_000_000, pa.timestamp("us", "UTC")),
        "part": parts[user],
        "country": np.array(["de", "fr", "jp", "br"])[user % 4],
        "kind": np.array(KINDS)[rng.integers(0, len(KINDS), len(user))],
        "brand": [f"brand {number}" for number in np.minimum(rng.zipf(1.3, len(user)), 800)],
        "price": np.round(rng.lognormal(3, 1, len(user)), 2),
    })  # fmt: skip


def run(*arguments: str | Path) -> float:
    """Run a command of ours; returns the processor seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "domaintoolkit", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_page(folder: Path, entities: int) -> Path:
    """The page of a run on a drawn shop."""
    pq.write_table(draw_rows(entities + entities // 5, 12, entities), folder / "rows.parquet")
    (folder / "shop.toml").write_text(SCHEMA)
    run("encode", "--schema", folder / "shop.toml", folder / "rows.parquet", "-o", folder / "shop")
    run("train", folder / "shop", "-o", folder / "run", "--preset", "event-14k", "--block", "32", "--batch", "16",
        "--steps", "20", "--evaluate-blocks", "4", "--evaluate-every", "20", "--no-report")  # fmt: skip
    seconds = run("report", folder / "run", "--entities", str(entities))
    print(f"report: {seconds:.0f} processor seconds", flush=True)
    return folder / "run" / "report.html"


def open_page(tab: Tab, page: Path) -> tuple[float, float]:
    """(seconds until the page was drawn and its scripts had run, processor seconds of its main thread)."""
    tab.ask("Performance.enable", timeDomain="threadTicks")
    seconds = tab.open(page)
    found = {each["name"]: each["value"] for each in tab.ask("Performance.getMetrics")["metrics"]}
    tab.ask("Performance.disable")
    return seconds, found["TaskDuration"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entities", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--page", type=Path, help="open this page instead of making one")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="make the page in this folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = chosen.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        page = chosen.page or make_page(place, chosen.entities)
        print(f"size: {page.stat().st_size / 1e6:.2f} MB")
        with open_browser() as tab:
            tab.show(1280)
            opened = [open_page(tab, page) for _ in range(chosen.rounds)]
            points = tab.run("DATA.map ? HISTORIES.count : 0")
            began = time.perf_counter()
            tab.run(SEARCH if points else "0")
            found = time.perf_counter() - began
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    print(f"points of the map: {points:,}")
    print(f"opens in {statistics.median(each[0] for each in opened):.2f} s (median of {len(opened)}; "
          f"{statistics.median(each[1] for each in opened):.2f} s of its main thread's processor time)")  # fmt: skip
    print(f"a search: {found:.2f} s")
    print(f"load of the machine: {load:.1f} programs a processor")
    print(f"errors in the console: {len(tab.problems)}")
    for problem in tab.problems:
        print(f"  {problem}")


if __name__ == "__main__":
    main()
