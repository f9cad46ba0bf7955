from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_process_of_runs_ends_with_the_study_that_started_it() -> None:
    command = [sys.executable, "-m", "domaintoolkit.studies.cell_run", "1"]  # a parent that it does not have
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        try:
            assert process.wait(timeout=120) == 1  # though its input is still open
        finally:
            process.kill()
