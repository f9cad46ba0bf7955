from __future__ import annotations

import sys
from pathlib import Path

import pytest

from domaintoolkit.studies import scheduler
from domaintoolkit.studies.cell_run import FORMAT, METRICS, VERSION
from domaintoolkit.studies.scheduler import CellTask, run_cells

WORKER = f"""
import json, os, signal, sys, time
from pathlib import Path
from domaintoolkit.util.artifacts import write_json
for line in sys.stdin:
    cell = Path(line.strip())
    if cell.name == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if cell.name == "wrong":
        (cell / "error.json").write_text(json.dumps("ValueError: no"))
        time.sleep(2)
        sys.exit(1)
    write_json(cell / {METRICS!r}, {FORMAT!r}, {VERSION}, {{}})
"""


@pytest.mark.slow
def test_a_cell_that_fails_takes_no_other_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of a cell that failed may take a while to end."""
    opened = scheduler.subprocess.Popen
    monkeypatch.setattr(
        scheduler.subprocess, "Popen", lambda command, **settings: opened([sys.executable, "-c", WORKER], **settings)
    )
    tasks = [CellTask(name, tmp_path / name, {"threads": 1}, 1) for name in ("wrong", "one", "killed", "two")]
    failed = run_cells(tasks, 1, lambda _: None)
    assert failed == {"wrong": "ValueError: no", "killed": "its process was ended by signal 9, as when memory is short"}
    assert all((tmp_path / name / METRICS).exists() for name in ("one", "two"))
