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
from pathlib import Path
from typing import Any

from fault_scenarios import REFUSED, SCENARIOS, TEMPORARY, Scenario, write_inputs

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

SECONDS = {
    "report.html": None, "calls.jsonl": None, "log.jsonl": None,
    "study.html": rb"\d+ min \d+ s", "found.md": rb"\d+ min \d+ s",
}  # fmt: skip
"""Files with seconds, which differ from run to run: left out, or compared without what the pattern finds."""


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
