"""Commands that are disturbed: killed, out of disk space or of file handles, at any change of a file.

`python tests/support/faults.py --help` runs what the tests run, on more moments. Each command works in a folder of its
own, in a process that is forked from this one, so that a disturbance costs what the command costs without its imports.
"""

from __future__ import annotations

import argparse
import builtins
import contextlib
import errno
import io
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KILLED = 86
"""The exit status of a process that the shim has ended."""
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


ENCODE = ("encode", "--schema", "schema.toml", "a.csv", "-o", "out", "--shards", "3", "--threads", "1")
APPEND = ("encode", "--append", "b.csv", "-o", "out", "--threads", "1")
FIT = ("fit", "--schema", "schema.toml", "a.csv", "-o", "tokenizer", "--threads", "1")
TRAIN = (
    "train", "out", "-o", "run", "--family", "event", "--preset", "54k", "--block", "64", "--batch", "2",
    "--steps", "3", "--evaluate-every", "2", "--checkpoint-every", "1", "--evaluate-blocks", "1", "--keep", "1",
    "--no-report",
)  # fmt: skip
LONG = ("encode", "--schema", "schema.toml", "long.csv", "-o", "out", "--shards", "2", "--threads", "1")
SCENARIOS = {
    "encode": Scenario(ENCODE),
    "encode-on-disk": Scenario((*ENCODE, "--memory", "20kB", "--temporary", "temporary")),
    "encode-quarantine": Scenario((*ENCODE, "bad.csv", "--on-bad-rows", "quarantine")),
    "append": Scenario(APPEND, (ENCODE,)),
    "append-on-disk": Scenario((*APPEND, "--memory", "20kB", "--temporary", "temporary"), (ENCODE,)),
    "append-quarantine": Scenario((*APPEND, "late.csv", "bad.csv", "--on-bad-rows", "quarantine"), (ENCODE,)),
    "append-rewrite": Scenario((*APPEND, "late.csv", "--rewrite"), (ENCODE,)),
    "append-extended": Scenario(
        (*APPEND, "--tokenizer", "tokenizer"), (ENCODE, FIT, ("fit", "--extend", "tokenizer", "b.csv"))
    ),
    "fit": Scenario((*FIT, "--composites", "20")),
    "extend": Scenario(("fit", "--extend", "tokenizer", "b.csv", "--threads", "1"), (FIT,)),
    "decode": Scenario(("decode", "out", "-o", "rows.csv"), (ENCODE,)),
    "export": Scenario(
        ("export", "out", "--streams", "s.parquet", "--vocabulary", "v.csv", "--huggingface", "hf", "--overwrite"),
        (ENCODE,),
    ),
    "inspect": Scenario(("inspect", "out", "--entity", "u1", "--html", "page.html"), (ENCODE,)),
    "train": Scenario(TRAIN, (ENCODE,)),
    "embed": Scenario(("embed", "run", "out", "-o", "e.parquet", "--device", "cpu"), (ENCODE, TRAIN)),
    "generate": Scenario(
        ("generate", "run", "--count", "2", "--events", "8", "--table", "g.parquet", "--device", "cpu"),
        (ENCODE, TRAIN),
    ),
    "encode-long": Scenario((*LONG, "--memory", "60kB", "--temporary", "temporary")),
    "sample": Scenario(("sample", "ecommerce", "-o", "s.csv", "--events", "50")),
    "new": Scenario(("new", "shop", "--from", "a.csv", "--out", "plugin", "--yes")),
    "report": Scenario(("report", "out", "-o", "page.html"), (ENCODE,)),
    "report-run": Scenario(("report", "run", "-o", "page.html"), (ENCODE, TRAIN)),
}  # fmt: skip


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
            if flags & os.O_CREAT:
                self.pass_by("open")
            return made(path, flags, *rest, **named)

        def open_file(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any) -> Any:
            if not set(mode) & set("wax+") or buffering == 0:
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
    try:
        main.main(list(arguments), "domaintoolkit")
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


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
    """Every file and folder below a folder; None for a folder. The log of a run has seconds, and is left out."""
    found = sorted(path for path in folder.rglob("*") if path.name != "log.jsonl")
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


class Course:
    """One scenario in a folder: the state before the command, and the state that an undisturbed command leaves."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.scenario = name, SCENARIOS[name]
        self.ready, self.work, self.log = (folder / part for part in ("ready", "work", "log"))
        self.ready.mkdir(parents=True)
        write_inputs(self.ready)
        for command in self.scenario.before:
            self._must(lambda command=command: run_command(command, self.ready))  # type: ignore[misc]
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
        elif (problem := course.problem()) is not None:
            yield f"{course.name}, killed at change {moment} of {course.changes}: {problem}"


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


def import_all() -> None:
    """Import what the commands import, so that a fork does not."""
    import importlib

    from domaintoolkit.cli.main import COMMANDS

    for name in COMMANDS:
        importlib.import_module(f"domaintoolkit.cli.commands.{name}")
    from domaintoolkit import generate, jobs, model, report, train, windows

    for module in (generate, jobs, model, report, train, windows):
        for name in module.__all__ if isinstance(getattr(module, "__all__", None), list) else dir(module):
            with contextlib.suppress(Exception):
                getattr(module, name)


CHECKS: dict[str, Callable[[Course, list[int]], Iterator[str]]] = {
    "changes": check_kills,
    "disk": check_full_disk,
    "handles": check_few_handles,
}


def main() -> int:
    """Run one kind of disturbance on some commands, and print the counts and the problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "kind", choices=[*CHECKS, "random"], help="kill at each change, full disk, few handles, SIGKILL"
    )
    parser.add_argument("names", nargs="*", default=list(SCENARIOS), help=f"of {', '.join(SCENARIOS)} (default: all)")
    parser.add_argument("--every", type=int, default=1, help="only every N-th change")
    parser.add_argument("--count", type=int, default=30, help="random kills of each command")
    arguments = parser.parse_args()
    import_all()
    failed = 0
    for name in arguments.names or list(SCENARIOS):
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            course = Course(name, Path(folder) / "course")
            moments = list(range(1, course.changes + 1, arguments.every))
            if arguments.kind == "random":
                tried, found = arguments.count, check_random_kills(course, arguments.count)
            else:
                moments = [*range(3, 40)] if arguments.kind == "handles" else moments
                tried, found = len(moments), CHECKS[arguments.kind](course, moments)
            problems = 0
            for problem in found:
                problems += 1
                print(problem, flush=True)
        failed += problems
        print(
            f"{name}: {course.changes} changes, {tried} disturbances, {problems} problems, "
            f"{time.monotonic() - began:.0f} s", flush=True,
        )  # fmt: skip
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
