from __future__ import annotations

from pathlib import Path

import torch

from domaintoolkit.train.logs.run_log import LOG, RunLog, read_log
from domaintoolkit.train.progress import Progress


def progress(step: int) -> Progress:
    return Progress(step, 10, 1.5, 12.25, 0.1, 1.0, 1.0, 1.0, gradient_norm=0.5, tokens=7)


def test_a_resumed_log_drops_the_steps_that_are_done_again(tmp_path: Path) -> None:
    log = RunLog(tmp_path, 0)
    log.begin(tmp_path, torch.device("cpu"), 1)
    for step in (1, 2, 3):
        log.add(progress(step))
    with (tmp_path / LOG).open("a") as file:
        file.write('{"kind": "st')  # killed while it was writing
    log = RunLog(tmp_path, 2)
    log.begin(tmp_path, torch.device("cpu"), 1)
    log.add(progress(3))
    log.end()
    lines = read_log(tmp_path)
    assert [line["kind"] for line in lines] == ["begin", "step", "step", "begin", "step", "end"]
    assert [line["step"] for line in lines if line["kind"] == "step"] == [1, 2, 3]
    assert lines[1]["gradient_norm"] == 0.5
    assert lines[0]["data"] == str(tmp_path)
    assert RunLog(tmp_path, 0).path.read_text() == ""
