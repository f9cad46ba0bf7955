"""A flipped byte of an output does not pass unseen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import flips
import pytest


@pytest.mark.slow
@pytest.mark.parametrize(("name", "every"), [("streams", 89), ("tokenizer", 59), ("run", 9973)])
def test_flipped_bytes(name: str, every: int) -> None:
    done = subprocess.run(
        [sys.executable, Path(flips.__file__), name, "--every", str(every)],
        capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "0 pass unseen" in done.stdout
