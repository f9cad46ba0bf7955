"""Every byte of an output is flipped, one at a time; whoever reads the output has to notice.

`python tests/support/flips.py` flips every byte of an encoded folder, a tokenizer and a run, and prints the counts.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fault_scenarios
import faults

from domaintoolkit.errors import ArtifactError, DomainToolkitError

__all__ = ["READERS", "flip_bytes", "make"]

Reader = Callable[[Path], object]

BEFORE: dict[str, tuple[tuple[str, ...], ...]] = {
    "streams": (
        (*fault_scenarios.ENCODE, "--composites", "10"),
        # leaves a file of rows that were set aside
        (*fault_scenarios.APPEND, "late.csv", "--on-bad-rows", "quarantine"),
    ),
    "tokenizer": ((*fault_scenarios.FIT, "--composites", "10"),),
    "run": (fault_scenarios.ENCODE, (*fault_scenarios.TRAIN, "--steps", "1", "--evaluate-every", "1")),
}
"""The commands that make each output."""
FOLDERS = {"streams": "out", "tokenizer": "tokenizer", "run": "run"}
UNREAD = ("quarantine.csv",)
"""Files for people: nothing reads them, and docs/reference/format-on-disk.md says so."""


def make(name: str, folder: Path) -> Path:
    """The folder of an output."""
    folder.mkdir(parents=True, exist_ok=True)
    fault_scenarios.write_inputs(folder)
    for command in BEFORE[name]:
        process = faults.fork(lambda command=command: faults.run_command(command, folder), folder / "log")  # type: ignore[misc]
        assert faults.wait(process) == 0, (folder / "log").read_text()
    return folder / FOLDERS[name]


def read_streams(folder: Path) -> None:
    """Read all of an encoded folder, as every command does in part."""
    from domaintoolkit.jobs.appending.set_aside_rows import read_hashes
    from domaintoolkit.jobs.decoding import folder_tokenizer
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.storage.readme import is_readme_whole

    encoded = open_encoded(folder)
    for number in range(len(encoded.shards)):
        encoded.table(number)
        encoded.left_out(number)
    read_hashes(folder, encoded.manifest.set_aside)
    folder_tokenizer(encoded)
    if not is_readme_whole(folder, encoded.manifest.readme):
        raise ArtifactError(str(folder), "its page was altered")


def read_tokenizer(folder: Path) -> None:
    """Load a tokenizer."""
    from domaintoolkit.tokenizer import DomainTokenizer

    DomainTokenizer.load(folder)


def read_run(folder: Path) -> None:
    """Verify a run."""
    from domaintoolkit.train import verify_run

    verify_run(folder)


READERS: dict[str, Reader] = {"streams": read_streams, "tokenizer": read_tokenizer, "run": read_run}


def flip_bytes(folder: Path, read: Reader, every: Callable[[int], int]) -> Iterator[tuple[Path, int, str | None]]:
    """Flip a bit of every n-th byte of each file, n by the size of the file: (file, place, problem or None)."""
    read(folder)
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in UNREAD):
        whole = path.read_bytes()
        for place in range(0, len(whole), every(len(whole))):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << place % 8
            with path.open("r+b") as file:
                file.seek(place)
                file.write(flipped[place : place + 1])
            try:
                read(folder)
                problem: str | None = "passes unseen"
            except DomainToolkitError:
                problem = None
            except Exception as error:
                problem = f"raises {error!r}"
            with path.open("r+b") as file:
                file.seek(place)
                file.write(whole[place : place + 1])
            yield path.relative_to(folder), place, problem


def main() -> int:
    """Flip every byte of small outputs, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(READERS), help=f"of {', '.join(READERS)} (default: all)")
    parser.add_argument("--every", type=int, default=1, help="only every N-th byte")
    arguments = parser.parse_args()
    names = arguments.names or list(READERS)
    faults.import_all(command for name in names for command in BEFORE[name])
    unseen = 0
    for name in names:
        with tempfile.TemporaryDirectory() as work:
            folder = make(name, Path(work) / "work")
            counts: dict[Path, int] = {}
            for path, place, problem in flip_bytes(folder, READERS[name], lambda size: arguments.every):
                counts[path] = counts.get(path, 0) + 1
                if problem is not None:
                    unseen += 1
                    print(f"{name}: byte {place} of {path} {problem}", flush=True)
            print(f"{name}: {sum(counts.values()):,} bytes of {len(counts)} files flipped", flush=True)
    print(f"{unseen} pass unseen")
    return min(unseen, 1)


if __name__ == "__main__":
    sys.exit(main())
