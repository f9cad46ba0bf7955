"""Commands that are killed, or that run out of disk space or of file handles, end in the same folder when run again;
those that are refused leave nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import faults
import pytest

SCRIPT = Path(faults.__file__)


def disturb(kind: str, *arguments: str) -> None:
    """Run the script, in a process that has no threads when it forks."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, SCRIPT, kind, *arguments], capture_output=True, text=True, env=environment, timeout=900
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.slow
def test_a_kill_at_a_change_of_a_file() -> None:
    disturb("changes", "encode-on-disk", "append-quarantine", "extend", "--every", "13")
    disturb("changes", "encode-long", "new", "encode-overwrite", "export", "report-overwrite", "--every", "45")


@pytest.mark.slow
def test_a_kill_of_training_or_of_what_follows_it_at_a_change_of_a_file() -> None:
    disturb("changes", "train", "finetune-overwrite", "study", "--every", "101")


@pytest.mark.slow
def test_a_full_disk() -> None:
    disturb("disk", "encode-quarantine", "append-extended", "export", "--every", "23")


@pytest.mark.slow
def test_a_refused_command() -> None:
    disturb("refused", "encode-overwrite-late", "decode", "export", "report", "new-overwrite")
