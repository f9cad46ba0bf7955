"""Commands that are disturbed: killed, out of disk space or of file handles, at any change of a file.

`python tests/support/faults.py --help` runs what the tests run, on more moments. Each command works in a folder of its
own, in a process that is forked from this one, so that a disturbance costs what the command costs without its imports.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import errno
import importlib
import io
import os
import pkgutil
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILLED = 86
"""The exit status of a process that the shim has ended."""
TORCH = ("train", "finetune", "predict", "embed", "generate", "evaluate", "study")
"""Commands that import torch."""
ABOVE_TORCH = (
    "model", "train", "generate", "evaluate", "embeddings", "clusters", "next_events", "finetune", "probes", "studies",
    "run", "map", "testing",
)  # fmt: skip
"""Folders that import it."""
CHANGES = ("rename", "replace", "unlink", "remove", "rmdir", "mkdir", "fsync", "truncate", "link", "symlink", "chmod")
NEED_SPACE = ("open", "write", "mkdir", "fsync", "rename", "replace", "link", "symlink")
"""The changes that fail on a full disk; what removes files works."""

SCHEMA = """
entity = "user"
time = "at"
session = "visit"
labels = ["bought"]
static = [{ name = "country", type = "categorical" }]
fields = [
  { name = "what", type = "categorical", max_size = 6 },
  { name = "price", type = "numeric", bins = 8 },
  { name = "note", type = "text", vocabulary_size = 300 },
  { name = "at", type = "timestamp" },
]
"""
TEMPORARY = "system-temporary"
"""The folder for temporary files of the whole machine, as far as the commands know."""
SECONDS = {
    "report.html": None, "calls.jsonl": None, "log.jsonl": None,
    "study.html": rb"\d+ min \d+ s", "found.md": rb"\d+ min \d+ s",
}  # fmt: skip
"""Files with seconds, which differ from run to run: left out, or compared without what the pattern finds."""
HEAD = "user,at,visit,bought,country,what,price,note"


def rows(first: int, count: int, users: int = 60, day: int = 1) -> list[str]:
    """Lines of a CSV file: the visits of users on one day of 2024, some with values that later days lack."""
    draw = random.Random(first * 1000 + day)
    lines = []
    for number in range(first, first + count):
        user = draw.randrange(users)
        at = f"2024-01-{day:02} {draw.randrange(24):02}:{draw.randrange(60):02}:{number % 60:02}"
        price = f"{draw.lognormvariate(3, 1):.2f}" if draw.random() < 0.9 else ""
        note = " ".join(draw.choice(["red", "green", "shoe", "lamp", f"day{day}"]) for _ in range(3))
        what = draw.choice(["view", "cart", "buy", f"new{day}"])
        lines.append(f"u{user},{at},{user}/{day},{number % 7 == 0},c{user % 3},{what},{price},{note}")
    return lines


@dataclass(frozen=True)
class Scenario:
    """A command, and the commands that make its folder ready."""

    command: tuple[str, ...]
    before: tuple[tuple[str, ...], ...] = ()
    claims: tuple[str, ...] = ()
    """Files that say, once they are there, that they are whole, and so is the folder that they are in."""


ENCODE = ("encode", "--schema", "schema.toml", "a.csv", "-o", "out", "--shards", "3", "--threads", "1")
APPEND = ("encode", "--append", "b.csv", "-o", "out", "--threads", "1")
FIT = ("fit", "--schema", "schema.toml", "a.csv", "-o", "tokenizer", "--threads", "1")
TRAIN = (
    "train", "out", "-o", "run", "--family", "event", "--preset", "54k", "--block", "64", "--batch", "2",
    "--steps", "3", "--evaluate-every", "2", "--checkpoint-every", "1", "--evaluate-blocks", "1", "--keep", "1",
    "--no-report",
)  # fmt: skip
LONG = ("encode", "--schema", "schema.toml", "long.csv", "-o", "out", "--shards", "2", "--threads", "1")
LABELS = ("--labels", "labels.csv")
FINETUNE = (
    "finetune", "run", "out", *LABELS, "-o", "tuned", "--fuse", "age", "--epochs", "1", "--batch", "16",
    "--evaluations", "2", "--device", "cpu", "--no-compare",
)  # fmt: skip
NEW = ("new", "shop", "--from", "a.csv", "--out", "plugin", "--yes")
STUDY = ("study", "study.toml", "out", "-o", "study", "--jobs", "1", "--summary", "found.md")
FIGURES = ("report", "out", "-o", "page.html", "--figures", "figures", "--entities", "5")
STREAMS, RUN, PAGE = ("out/manifest.json",), ("run/result.json",), ("page.html",)
TRAINED = (ENCODE, TRAIN)
SCENARIOS = {
    "encode": Scenario(ENCODE, claims=STREAMS),
    "encode-on-disk": Scenario((*ENCODE, "--memory", "20kB", "--temporary", "temporary"), claims=STREAMS),
    "encode-quarantine": Scenario((*ENCODE, "bad.csv", "--on-bad-rows", "quarantine"), claims=STREAMS),
    "encode-overwrite": Scenario((*ENCODE, "b.csv", "--overwrite"), (ENCODE,), STREAMS),
    "append": Scenario(APPEND, (ENCODE,)),
    "append-on-disk": Scenario((*APPEND, "--memory", "20kB", "--temporary", "temporary"), (ENCODE,)),
    "append-quarantine": Scenario((*APPEND, "late.csv", "bad.csv", "--on-bad-rows", "quarantine"), (ENCODE,)),
    "append-rewrite": Scenario((*APPEND, "late.csv", "--rewrite"), (ENCODE,)),
    "append-extended": Scenario(
        (*APPEND, "--tokenizer", "tokenizer"), (ENCODE, FIT, ("fit", "--extend", "tokenizer", "b.csv"))
    ),
    "fit": Scenario((*FIT, "--composites", "20"), claims=("tokenizer/tokenizer.json",)),
    "fit-overwrite": Scenario((*FIT, "b.csv", "--overwrite"), (FIT,), ("tokenizer/tokenizer.json",)),
    "extend": Scenario(
        ("fit", "--extend", "tokenizer", "b.csv", "--threads", "1"), (FIT,), ("tokenizer/tokenizer.json",)
    ),
    "decode": Scenario(("decode", "out", "-o", "rows.csv"), (ENCODE,), ("rows.csv",)),
    "export": Scenario(
        ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf"), (ENCODE,),
        ("s.parquet", "v.csv", "hf/tokenizer.json"),
    ),
    "export-overwrite": Scenario(
        ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf", "--overwrite"),
        (
            (*ENCODE[:2], "small.toml", *ENCODE[3:]),
            ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf"),
            (*ENCODE, "--overwrite"),
        ),
        ("s.parquet", "v.csv", "hf/tokenizer.json"),
    ),
    "inspect": Scenario(("inspect", "out", "--entity", "u1", "--html", "page.html"), (ENCODE,), PAGE),
    "suggest": Scenario(("suggest", "out", "-o", "better.toml"), (ENCODE,), ("better.toml",)),
    "train": Scenario(TRAIN, (ENCODE,), RUN),
    "train-page": Scenario(TRAIN[:-1], (ENCODE,), RUN),
    "train-overwrite": Scenario((*TRAIN, "--seed", "1", "--overwrite"), TRAINED, RUN),
    "finetune": Scenario(FINETUNE, TRAINED, ("tuned/result.json",)),
    "finetune-overwrite": Scenario(
        (*FINETUNE, "--seed", "1", "--overwrite"), (*TRAINED, FINETUNE), ("tuned/result.json",)
    ),
    "predict": Scenario(
        ("predict", "tuned", "out", *LABELS, "-o", "p.csv", "--device", "cpu"), (*TRAINED, FINETUNE), ("p.csv",)
    ),
    "evaluate": Scenario(("evaluate", "out", *LABELS, "--probe", "linear", "--resamples", "20"), TRAINED),
    "embed": Scenario(("embed", "run", "out", "-o", "e.parquet", "--device", "cpu"), TRAINED, ("e.parquet",)),
    "embed-labels": Scenario(
        ("embed", "run", "out", "--at", "labels.csv", "-o", "e.parquet", "--device", "cpu"), TRAINED, ("e.parquet",)
    ),
    "generate": Scenario(
        ("generate", "run", "--count", "2", "--events", "3", "--table", "g.parquet", "--device", "cpu"), TRAINED,
        ("g.parquet",),
    ),
    "encode-long": Scenario((*LONG, "--memory", "60kB", "--temporary", "temporary"), claims=STREAMS),
    "sample": Scenario(("sample", "ecommerce", "-o", "s.csv", "--events", "50"), claims=("s.csv",)),
    "new": Scenario(NEW, claims=("plugin/pyproject.toml",)),
    "new-overwrite": Scenario((*NEW, "b.csv", "--overwrite"), (NEW,), ("plugin/pyproject.toml",)),
    "report": Scenario(("report", "out", "-o", "page.html", "--entities", "5"), (ENCODE,), PAGE),
    "report-figures": Scenario(FIGURES, (ENCODE,), PAGE),
    "report-overwrite": Scenario((*FIGURES[:-1], "9", "--overwrite"), (ENCODE, FIGURES), PAGE),
    "report-run": Scenario(
        ("report", "run", "-o", "page.html", "--projector", "p", "--atlas", "a.parquet", "--figures", "figures",
         "--entities", "5"),
        TRAINED, PAGE,
    ),
    "study": Scenario(STUDY, (ENCODE,), ("study/study.html",)),
    "study-sample": Scenario(
        ("study", "study.toml", "--domain", "ecommerce", "-o", "study", "--jobs", "1"), (), ("study/study.html",)
    ),
}  # fmt: skip
REFUSED = {
    "encode": Scenario(("encode", "--schema", "schema.toml", "labels.csv", "-o", "new/out")),
    "encode-overwrite": Scenario((*ENCODE, "bad.csv", "--overwrite"), (ENCODE,)),
    "encode-overwrite-late": Scenario(
        ("encode", "--schema", "schema.toml", "bad.csv", "-o", "out", "--tokenizer", "out/tokenizer", "--overwrite"),
        (ENCODE,),
    ),
    "decode": Scenario(("decode", "tokenizer", "-o", "new/rows.csv"), (FIT,)),
    "export": Scenario(
        ("export", "out", "--vocabulary", "v.csv", "--streams", "new/s.parquet", "--composites", "greedy"), (ENCODE,)
    ),
    "report": Scenario(("report", "out", "-o", "new/p.html", "--figures", "out", "--overwrite"), (ENCODE,)),
    "report-run": Scenario(("report", "out", "schema.toml", "-o", "new/p.html"), (ENCODE,)),
    "new": Scenario(("new", "shop", "--from", "a.csv", "--entity", "absent", "--out", "new/p", "--yes")),
    "new-overwrite": Scenario((*NEW, "--entity", "absent", "--overwrite"), (NEW,)),
    "sample": Scenario(("sample", "absent", "-o", "new/s.csv")),
    "study": Scenario(("study", "wrong.toml", "--domain", "ecommerce", "-o", "new/study")),
    "study-streams": Scenario(("study", "wrong.toml", "out", "-o", "new/study", "--summary", "new/s.md"), (ENCODE,)),
    "train": Scenario(("train", "out", "-o", "new/run", "--model", "heads=7", "--no-report"), (ENCODE,)),
    "train-overwrite": Scenario((*TRAIN, "--overwrite", "--model", "heads=7"), TRAINED),
    "finetune": Scenario(("finetune", "run", "out", "--labels", "b.csv", "-o", "new/tuned"), TRAINED),
    "finetune-column": Scenario((*FINETUNE[:-1], "--fuse", "absent", "-o", "new/tuned"), TRAINED),
    "finetune-overwrite": Scenario((*FINETUNE, "--fuse", "absent", "--overwrite"), (*TRAINED, FINETUNE)),
    "finetune-kind": Scenario((*FINETUNE, "--kind", "regression", "-o", "new/tuned"), TRAINED),
    "predict": Scenario(("predict", "run", "out", *LABELS, "-o", "new/p.csv"), TRAINED),
    "predict-column": Scenario(
        ("predict", "tuned", "out", "--labels", "dates.csv", "-o", "new/p.csv"), (*TRAINED, FINETUNE)
    ),
    "embed": Scenario(("embed", "run", "out", "--at", "odd.csv", "-o", "new/e.parquet"), TRAINED),
    "evaluate": Scenario(("evaluate", "run", "out", "--labels", "b.csv"), TRAINED),
    "generate": Scenario(
        ("generate", "run", "--continue", "out", "--entity", "absent", "--table", "new/g.csv"), TRAINED
    ),
    "generate-share": Scenario(("generate", "run", "--top-p", "7", "--table", "new/g.csv"), TRAINED),
}
"""Commands that are refused, some of them late: nothing of them may stay, and nothing that was there may go."""
STUDY_FILE = """
title = "Tiny"
question = "Does it end?"

[axes.size]
a = { model = { width = 8, layers = 1, heads = 1, part_width = 8 } }

[axes.share]
half = { share = 0.5 }

[forms.small]
events = 300
grids = [{ axes = { size = ["a"], share = ["half"] } }]

[forms.small.recipe]
family = "event"
preset = "54k"
block = 32
batch = 2
steps = 1
evaluate_every = 1
checkpoint_every = 1
evaluate_blocks = 1
keep = 1

[[figures]]
kind = "bars"
title = "Sizes"
x = "size"
"""


def write_inputs(folder: Path) -> None:
    """The files that the commands read."""
    files = {
        "a.csv": rows(0, 400),
        "b.csv": rows(400, 150, users=80, day=2),
        "late.csv": rows(550, 60, users=30, day=1),
        "bad.csv": [*rows(610, 20, day=3), "u1,never,v,False,c1,view,1,x", ",2024-01-03,v,False,c1,view,1,x"],
    }
    # most events are of one entity, whose history is cut into slices on disk
    files["long.csv"] = [f"u0{line[line.index(',') :]}" if k % 3 else line for k, line in enumerate(rows(0, 3000, 1))]
    for name, lines in files.items():
        (folder / name).write_text("\n".join([HEAD, *lines, ""]))
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "small.toml").write_text(SCHEMA.replace("max_size = 6", "max_size = 3"))
    (folder / "study.toml").write_text(STUDY_FILE)
    changed = STUDY_FILE.replace("half = { share = 0.5 }", "half = { fields = { absent = { max_size = 2 } } }")
    (folder / "wrong.toml").write_text(changed)
    (folder / "odd.csv").write_text("who,when\n1,2\n")
    (folder / "dates.csv").write_text("user,date\nu1,2024-01-01\n")
    draw = random.Random(1)
    lines = [
        f"u{user},2024-01-01T{draw.randrange(8, 23):02}:00:00,{draw.choice(['yes', 'no'])},{draw.random():.2f}"
        for user in range(60)
    ]
    (folder / "labels.csv").write_text("\n".join(["user,date,target,age", *lines, ""]))
    (folder / TEMPORARY).mkdir()


class Shim:
    """Counts the changes of files that Python code makes, and calls `strike` from the `first` on.

    Not seen are changes by compiled code on its own: safetensors' writing counts as one change.
    """

    def __init__(self, first: int | None, strike: Callable[[str], None]) -> None:
        self.first, self.strike, self.count = first, strike, 0

    def pass_by(self, change: str) -> None:
        """Count a change that is about to be made."""
        self.count += 1
        if self.first is not None and self.count >= self.first:
            self.strike(change)

    def install(self) -> None:
        """Replace the functions that change files, for the rest of this process."""
        for name in CHANGES:
            setattr(os, name, self._wrap(getattr(os, name), name))
        made, opened = os.open, io.open

        def open_descriptor(path: Any, flags: int, *rest: Any, **named: Any) -> int:
            # libraries open the null device when they are imported, which changes no file
            if flags & os.O_CREAT and path != os.devnull:
                self.pass_by("open")
            return made(path, flags, *rest, **named)

        def open_file(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+") or buffering == 0 or file == os.devnull:
                return opened(file, mode, buffering, *rest, **named)
            if not isinstance(file, int):
                self.pass_by("open")
            raw = _CountedFile(self, file, mode.replace("b", "").replace("t", ""), **_only(named, "closefd", "opener"))
            buffered: Any = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
            if "b" in mode:
                return buffered
            return io.TextIOWrapper(buffered, *rest, **_only(named, "encoding", "errors", "newline"))

        os.open, io.open, builtins.open = open_descriptor, open_file, open_file  # type: ignore[assignment]
        with contextlib.suppress(ImportError):
            import safetensors.torch

            safetensors.torch.save_file = self._wrap(safetensors.torch.save_file, "write")

    def _wrap(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def changed(*arguments: Any, **named: Any) -> Any:
            self.pass_by(name)
            return function(*arguments, **named)

        return changed


def _only(named: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in named.items() if name in names}


class _CountedFile(io.FileIO):
    """A file whose writes count; the one that is struck writes half of its bytes before."""

    def __init__(self, shim: Shim, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._shim = shim

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        try:
            self._shim.pass_by("write")
        finally:
            if self._shim.first is not None and self._shim.count == self._shim.first:
                super().write(view[: len(view) // 2])
        return super().write(view)


def run_command(arguments: tuple[str, ...], folder: Path) -> int:
    """Run `domaintoolkit` in this process; the exit status."""
    from domaintoolkit.cli.main import main

    os.chdir(folder)
    tempfile.tempdir = str(folder / TEMPORARY)
    if arguments[0] == "study":
        _run_cells_here()
    try:
        main.main(list(arguments), "domaintoolkit")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _run_cells_here() -> None:
    """Let `study` run its cells in this process, so that their changes of files count too."""
    from domaintoolkit.studies import cell_run, study_run

    def run_cells(tasks: Any, jobs: int, report: Any) -> dict[str, str]:
        for task in tasks:
            if cell_run.load_metrics(task.folder) is None:
                cell_run.write_task(task.folder, task.task)
                (task.folder / cell_run.ERROR).unlink(missing_ok=True)
                cell_run.run_cell(task.folder)
        return {}

    study_run.run_cells = run_cells
    cell_run._seconds_a_step = lambda log: 0.5


def fork(work: Callable[[], int], log: Path) -> int:
    """The process of a fork that does `work`, with its standard output and error in `log`."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 99
    try:
        output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        status = work()
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def wait(process: int, seconds: float = 300) -> int:
    """The exit status of a process; a negative one is the signal that ended it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found, status = os.waitpid(process, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    raise TimeoutError(f"the command did not end within {seconds:.0f} seconds")


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder below a folder; None for a folder. Recorded seconds are left out."""
    found: dict[str, bytes | None] = {}
    for path in sorted(folder.rglob("*")):
        pattern = SECONDS.get(path.name, b"")
        if pattern is not None:
            data = path.read_bytes() if path.is_file() else None
            found[str(path.relative_to(folder))] = re.sub(pattern, b"", data) if data and pattern else data
    return found


def _part(of: dict[str, bytes | None], claim: str) -> dict[str, bytes | None]:
    """The file that claims to be whole, or all of the folder that it is in."""
    folder = claim.rpartition("/")[0]
    return {name: data for name, data in of.items() if name == claim or (folder and name.startswith(f"{folder}/"))}


READY: dict[tuple[tuple[str, ...], ...], Path] = {}
"""The folders in which commands were run, by the commands: courses share them."""


class Course:
    """One scenario in a folder: the state before the command, and the state that an undisturbed command leaves."""

    def __init__(self, name: str, folder: Path, scenario: Scenario | None = None) -> None:
        self.name, self.scenario = name, scenario or SCENARIOS[name]
        self.ready, self.work, self.log = (folder / part for part in ("ready", "work", "log"))
        self._make_ready()
        self.start = contents(self.ready)
        self.changes, self.seconds, self.end = 0, 0.0, self.start
        if scenario is None:
            self._run_to_the_end(folder)

    def _run_to_the_end(self, folder: Path) -> None:
        began = time.monotonic()
        self.begin()
        counter = folder / "count"

        def counted() -> int:
            shim = Shim(None, lambda change: None)
            write = counter.write_text
            shim.install()
            status = run_command(self.scenario.command, self.work)
            total = shim.count
            write(str(total))
            return status

        self._must(counted)
        self.changes, self.seconds = int(counter.read_text()), time.monotonic() - began
        self.end = contents(self.work)

    def _make_ready(self) -> None:
        """Run the commands before, or take the folder of another course that began with the same ones."""
        known = max(
            (n for n in range(len(self.scenario.before) + 1) if self.scenario.before[:n] in READY), default=None
        )
        if known is None:
            self.ready.mkdir(parents=True)
            write_inputs(self.ready)
        else:
            shutil.copytree(READY[self.scenario.before[:known]], self.ready)
        for number in range(known or 0, len(self.scenario.before)):
            command = self.scenario.before[number]
            self._must(lambda command=command: run_command(command, self.ready))  # type: ignore[misc]
            READY[self.scenario.before[: number + 1]] = kept = self.ready.parent.parent / f"ready-{len(READY)}"
            shutil.copytree(self.ready, kept)

    def _must(self, work: Callable[[], int]) -> None:
        status = wait(fork(work, self.log))
        assert status == 0, f"{self.name}: exit status {status}\n{self.log.read_text()}"

    def begin(self) -> None:
        """Put the folder into the state before the command."""
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.copytree(self.ready, self.work)

    def struck(self, first: int, strike: Callable[[str], None]) -> int:
        """Begin anew, and run the command with a shim; the exit status."""
        self.begin()

        def work() -> int:
            Shim(first, strike).install()
            return run_command(self.scenario.command, self.work)

        return wait(fork(work, self.log))

    def killed_after(self, seconds: float) -> bool:
        """Begin anew, and kill the command at a moment; False if it had ended."""
        self.begin()
        process = fork(lambda: run_command(self.scenario.command, self.work), self.log)
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
        return wait(process) == -signal.SIGKILL

    def limited(self, handles: int) -> int:
        """Begin anew, and run the command with few file handles; the exit status."""
        self.begin()

        def work() -> int:
            resource.setrlimit(resource.RLIMIT_NOFILE, (handles, handles))
            return run_command(self.scenario.command, self.work)

        return wait(fork(work, self.log))

    def problem(self) -> str | None:
        """Run the command again, as its user would; what is wrong after it, if anything is."""
        status = wait(fork(lambda: run_command(self.scenario.command, self.work), self.log))
        found = contents(self.work)
        if found == self.end:
            return None  # also if the command says that all was done before
        if status != 0:
            return f"the same command ends with status {status}: {self.log.read_text()[-500:]}"
        names = sorted(name for name in found.keys() | self.end.keys() if found.get(name, 0) != self.end.get(name, 0))
        return f"other files than without the disturbance: {', '.join(names[:8])}"

    def lie(self) -> str | None:
        """What a killed command left that looks whole and is not, or the earlier output that is gone."""
        found = contents(self.work)
        for claim in self.scenario.claims:
            known = [part for part in (_part(self.start, claim), _part(self.end, claim)) if claim in part]
            if claim not in found:
                if claim in self.start:
                    return f"{claim} is lost"
            elif not any(part.items() <= _part(found, claim).items() for part in known):
                return f"{claim} is there, and is neither the old nor the new one"
        return None

    def error(self) -> str | None:
        """The output of a command that failed, if it is not one line that begins with `error:`."""
        text = self.log.read_text()
        last = [line for line in text.splitlines() if line.startswith("error: ")]
        return text[-2000:] if "Traceback" in text or not last else None


def kill(change: str) -> None:
    """End this process as SIGKILL would."""
    os._exit(KILLED)


def fill_disk(change: str) -> None:
    """Fail as on a full disk."""
    if change in NEED_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_kills(course: Course, moments: list[int]) -> Iterator[str]:
    """Problems of a command that is killed at these changes of a file."""
    for moment in moments:
        status = course.struck(moment, kill)
        if status not in (KILLED, 0):
            yield f"{course.name}, change {moment}: ended with {status}: {course.log.read_text()[-500:]}"
        for problem in (course.lie(), course.problem()):
            if problem is not None:
                yield f"{course.name}, killed at change {moment} of {course.changes}: {problem}"


def check_again(course: Course, moments: list[int]) -> Iterator[str]:
    """Problems of a command that is run again after it has ended."""
    problem = course.problem()
    text = course.log.read_text()
    last = [line for line in text.splitlines() if line.startswith("error: ")]
    if problem is not None:
        yield f"{course.name}, run again: {problem}"
    elif last and "--overwrite" not in last[-1] and "append" not in course.name:  # all rows are refused as known
        yield f"{course.name}, run again: the error does not name the option that helps: {last[-1]}"


def check_refused(name: str, folder: Path) -> Iterator[str]:
    """Problems of a command that is refused."""
    course = Course(name, folder, REFUSED[name])
    course.begin()
    status = wait(fork(lambda: run_command(course.scenario.command, course.work), course.log))
    if status not in (1, 2) or course.error() is not None:
        yield f"{name}: ended with {status}: {course.log.read_text()[-500:]}"
    found = contents(course.work)
    if found != course.start:
        names = [each for each in found.keys() | course.start.keys() if found.get(each, 0) != course.start.get(each, 0)]
        yield f"{name}, refused: other files than before: {', '.join(sorted(names)[:8])}"


def check_full_disk(course: Course, moments: list[int]) -> Iterator[str]:
    """Problems of a command for which the disk is full from these changes on."""
    for moment in moments:
        status = course.struck(moment, fill_disk)
        if status and (text := course.error()) is not None:
            yield f"{course.name}, disk full at change {moment}: {text}"
        if status > 1:
            yield f"{course.name}, disk full at change {moment}: exit status {status}"
        if (problem := course.problem()) is not None:
            yield f"{course.name}, disk full at change {moment} of {course.changes}: {problem}"


def check_few_handles(course: Course, limits: list[int]) -> Iterator[str]:
    """Problems of a command that may open only so many files at once."""
    for limit in limits:
        status = course.limited(limit)
        if status and (text := course.error()) is not None:
            yield f"{course.name}, {limit} file handles: {text}"
        if (problem := course.problem()) is not None:
            yield f"{course.name}, {limit} file handles: {problem}"


def check_random_kills(course: Course, count: int, seed: int = 0) -> Iterator[str]:
    """Problems of a command that SIGKILL ends at random moments; the rest of the time it is let to end."""
    draw, kills = random.Random(seed), 0
    for _ in range(20 * count):
        if kills == count:
            return
        moment = draw.uniform(0, 1.1 * course.seconds)
        kills += course.killed_after(moment)
        if (problem := course.problem()) is not None:
            yield f"{course.name}, killed after {moment:.3f} s: {problem}"


def import_all(commands: Iterable[Sequence[str]]) -> None:
    """Import what the commands import, so that a fork does not; torch and all above it only if one of them needs it."""
    import domaintoolkit

    needs_torch = any(command[0] in TORCH for command in commands)
    left_out = ("__main__", "spark", *(() if needs_torch else ABOVE_TORCH))
    for name in _list_modules(Path(domaintoolkit.__file__).parent, "domaintoolkit", left_out):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for name in ("sklearn.linear_model", "sklearn.pipeline", "torch._dynamo") if needs_torch else ():
        with contextlib.suppress(ImportError):
            importlib.import_module(name)


def _list_modules(folder: Path, package: str, left_out: Container[str]) -> Iterator[str]:
    for module in pkgutil.iter_modules([str(folder)]):
        if module.name not in left_out:
            yield f"{package}.{module.name}"
            if module.ispkg:
                yield from _list_modules(folder / module.name, f"{package}.{module.name}", left_out)


CHECKS: dict[str, Callable[[Course, list[int]], Iterator[str]]] = {
    "changes": check_kills,
    "again": check_again,
    "disk": check_full_disk,
    "handles": check_few_handles,
}


def _disturb(name: str, folder: Path, arguments: argparse.Namespace) -> int:
    """Run one scenario, and print its count and its problems; gives their number."""
    began = time.monotonic()
    if arguments.kind == "refused":
        problems = list(check_refused(name, folder))
        print(*problems, f"{name}: refused, {len(problems)} problems, {time.monotonic() - began:.0f} s", sep="\n")
        return len(problems)
    course = Course(name, folder)
    moments = list(range(1, course.changes + 1, arguments.every))
    if arguments.kind == "random":
        tried, found = arguments.count, check_random_kills(course, arguments.count)
    else:
        moments = {"handles": [*range(3, 40)], "again": [0]}.get(arguments.kind, moments)
        tried, found = len(moments), CHECKS[arguments.kind](course, moments)
    problems = 0
    for problem in found:
        problems += 1
        print(problem, flush=True)
    print(
        f"{name}: {course.changes} changes, {tried} disturbances, {problems} problems, "
        f"{time.monotonic() - began:.0f} s", flush=True,
    )  # fmt: skip
    shutil.rmtree(folder)
    return problems


def main() -> int:
    """Run one kind of disturbance on some commands, and print the counts and the problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "kind", choices=[*CHECKS, "refused", "random"],
        help="kill at each change, run again, full disk, few handles, commands that are refused, SIGKILL",
    )  # fmt: skip
    listed = f"of {', '.join(SCENARIOS)}; if refused, of {', '.join(REFUSED)} (default: all)"
    parser.add_argument("names", nargs="*", help=listed)
    parser.add_argument("--every", type=int, default=1, help="only every N-th change")
    parser.add_argument("--count", type=int, default=30, help="random kills of each command")
    arguments = parser.parse_args()
    known = REFUSED if arguments.kind == "refused" else SCENARIOS
    names = arguments.names or list(known)
    import_all(command for name in names for command in (*known[name].before, known[name].command))
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            failed += _disturb(name, Path(folder) / name, arguments)
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
