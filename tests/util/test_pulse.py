from __future__ import annotations

import io
import time

from domaintoolkit.util.pulse import Pulse


def test_a_silent_job_gives_a_sign_of_life() -> None:
    file = io.StringIO()
    with Pulse(file, "preparing", every=0.02) as pulse:
        pulse.state = "reading: 3"
        time.sleep(0.1)
    lines = file.getvalue().splitlines()
    assert len(lines) >= 2
    assert lines[0] == "reading: 3 (0:00 so far)"
    time.sleep(0.05)
    assert file.getvalue().splitlines() == lines


def test_a_job_that_prints_needs_none() -> None:
    file = io.StringIO()
    with Pulse(file, "preparing", every=0.2) as pulse:
        for _ in range(15):
            pulse.print("step")
            time.sleep(0.02)
    assert set(file.getvalue().splitlines()) == {"step"}


def test_of_nested_jobs_only_the_innermost_speaks() -> None:
    file = io.StringIO()
    with Pulse(file, "at work", every=0.05), Pulse(file, "reading: 3", every=0.02):
        time.sleep(0.15)
    assert {line.partition(" (")[0] for line in file.getvalue().splitlines()} == {"reading: 3"}
