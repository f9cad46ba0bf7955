"""From a file to an installed, tested plugin by the clock: each step of it, with no file edited.

    python benchmarks/new_domain.py NAME=FILE ...
    python benchmarks/new_domain.py --environment DIR NAME=FILE ...

For each table it makes a new virtual environment, installs domaintoolkit with what plugin authors use into it, and runs
all steps with no file edited. With --environment, one environment is made and used for all tables. Prints for each step
the seconds by the clock and of processor time, which other work on the machine hardly changes, and ends with status 1
if a step fails or a table takes more than five minutes by the clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
LIMIT = 300.0
"""Seconds that a table may take, the new environment included."""

TOOLS = ("mypy", "pytest", "ruff")


class Spent(NamedTuple):
    """Seconds by the clock, and of processor time."""

    clock: float
    processor: float

    def __add__(self, other: Spent) -> Spent:  # type: ignore[override]
        return Spent(self.clock + other.clock, self.processor + other.processor)


def run(command: Sequence[str | Path], folder: Path) -> tuple[Spent, str]:
    """Run a command in a folder; its seconds and what it printed. Raises `RuntimeError` if it fails."""
    started, before = time.perf_counter(), processor_seconds()
    done = subprocess.run([str(part) for part in command], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        shown = " ".join(str(part) for part in command)
        raise RuntimeError(f"{shown}: exit status {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return Spent(time.perf_counter() - started, processor_seconds() - before), done.stdout


def processor_seconds() -> float:
    """The processor time of all commands so far, which other work on the machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def make_environment(folder: Path) -> Spent:
    """A new virtual environment with domaintoolkit and the tools of plugin authors in it; the seconds it took."""
    spent, _ = run([sys.executable, "-m", "venv", folder], ROOT)
    wanted = [f"{ROOT}[testing]", *TOOLS]
    return spent + run([folder / "bin" / "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", *wanted], ROOT)[0]


def try_table(name: str, files: Sequence[str], environment: Path, folder: Path) -> dict[str, Spent]:
    """The seconds of each step on one table."""
    tool: list[str | Path] = [environment / "bin" / "domaintoolkit"]
    python: list[str | Path] = [environment / "bin" / "python", "-m"]
    home = folder / f"{name}-domain"
    paths = [str(Path(file).resolve()) for file in files]
    seconds = {}
    seconds["new"], shown = run([*tool, "new", name, "--from", *paths, "--yes", "--json"], folder)
    refuses = ["--on-bad-rows", "quarantine"] if json.loads(shown)["share_refused"] else []
    seconds["pip"], _ = run([*python, "pip", "install", "--quiet", "--no-deps", "-e", home], folder)
    seconds["encode"], _ = run([*tool, "encode", "--domain", name, *paths, *refuses, "-o", "streams"], folder)
    seconds["verify"], _ = run([*tool, "verify", "streams", *paths], folder)
    seconds["check"], _ = run([*tool, "check", name], folder)
    seconds["tests"], _ = run([*python, "pytest", "-q"], home)
    lint = [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]]
    seconds["lint"] = sum((run([*python, *each], home)[0] for each in lint), Spent(0.0, 0.0))
    return seconds


def main() -> int:
    """Try all tables that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "tables", nargs="+", metavar="NAME=FILE", help="a name, and a file, folder or several with commas"
    )
    parser.add_argument("--environment", type=Path, help="one environment for all tables, made if it is missing")
    options = parser.parse_args()
    failed = False
    setup = Spent(0.0, 0.0)
    if options.environment is not None and not options.environment.exists():
        setup = make_environment(options.environment)
    for table in options.tables:
        name, _, files = table.partition("=")
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            environment = options.environment
            if environment is None:
                environment = folder / "environment"
                setup = make_environment(environment)
            try:
                seconds = {"setup": setup} | try_table(name, files.split(","), environment, folder)
            except RuntimeError as error:
                print(f"{name}: FAILED\n{error}", flush=True)
                failed = True
                continue
            total = sum(seconds.values(), Spent(0.0, 0.0))
            shown = "  ".join(f"{step} {spent.processor:.1f}" for step, spent in seconds.items())
            line = f"{name:<12} {total.clock:5.0f} s, {total.processor:5.0f} s of processor time: {shown}"
            print(line, flush=True)
            failed |= total.clock > LIMIT
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
