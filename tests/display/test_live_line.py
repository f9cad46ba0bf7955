from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
import time
from dataclasses import dataclass

import pytest

from domaintoolkit.display import LiveLine, fit_parts

PARTS = (("step 5/10", 0), ("loss 1.500", 4), ("12.25 bits/event", 1), ("2.5k events/s", 6), ("1:01 left", 3))


@dataclass(frozen=True)
class State:
    is_kept: bool = False
    pulse: str = "waiting"

    def __str__(self) -> str:
        return fit_parts(PARTS, 1000)

    def fit(self, width: int) -> str:
        return fit_parts(PARTS, width)


@pytest.mark.parametrize("width", [8, 30, 60, 200])
def test_parts_fit_the_width_and_the_most_important_stay(width: int) -> None:
    line = fit_parts(PARTS, width)
    assert len(line) <= width
    assert line.startswith("step 5/1")
    assert ("12.25 bits/event" in line) is (width >= 30)
    assert ("events/s" in line) is (width >= 200)


def test_a_pipe_gets_a_line_when_one_is_due() -> None:
    file = io.StringIO()
    with LiveLine(file, every=0.05) as line:
        line(State())
        time.sleep(0.12)
    assert file.getvalue().count("waiting") >= 1


def test_a_pipe_gets_kept_lines_only() -> None:
    file = io.StringIO()
    line = LiveLine(file)
    line(State())
    line(State(is_kept=True))
    assert file.getvalue() == f"{State()}\n"


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_terminal_has_one_line_that_fits_and_leaves_nothing_open(columns: int) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with os.fdopen(slave, "w") as file:
        with LiveLine(file) as line:
            line(State())
            line(State(is_kept=True))
            line(State())
        print("the output", file=file, flush=True)
        shown = ""
        while "output" not in shown:
            shown += os.read(master, 10_000).decode()
    os.close(master)
    lines = shown.replace("\x1b[2K", "").replace("\n", "").split("\r")
    assert all(len(each) < columns for each in lines)
    # cleared, so that the output of the command begins on an empty line
    assert shown.endswith("\r\x1b[2Kthe output\r\n")
    assert shown.count("\n") == 2


def test_the_last_state_stays_when_a_run_fails() -> None:
    file = io.StringIO()
    file.isatty = lambda: True  # type: ignore[method-assign]
    line = LiveLine(file)
    line(State())
    line.__exit__(ValueError, ValueError("broken"), None)
    assert file.getvalue().endswith("left\n")
