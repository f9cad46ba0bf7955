"""`log.jsonl`: the course of a run, one JSON object a line, for pages and for other programs.

A line of kind `begin` says on what data and which device a run began or went on; one of kind `step` is a `Progress`;
one of kind `end` has the seconds since its `begin`. The last line of a finished run, of kind `seal`, has the checksum
of all others. Nothing in the run depends on this file.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from domaintoolkit.train.progress import Progress
from domaintoolkit.util.artifacts import seal
from domaintoolkit.util.partials import write_atomic

__all__ = ["LOG", "SEAL", "RunLog", "read_log"]

LOG = "log.jsonl"
SEAL = '{"kind": "seal", "sha256": "{}"}'
"""The last line of a finished run's log."""


class RunLog:
    """Writes the log of a run that begins, or goes on after `step`: later lines of a killed run are dropped."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / LOG
        self._began = time.perf_counter()
        kept = [line for line in read_log(folder) if line["kind"] != "step" or line["step"] <= step] if step else []
        write_atomic(self.path, "".join(map(_to_line, kept)).encode())

    def begin(self, data: Path, device: torch.device, processes: int) -> None:
        """Say on which encoded folder and which device training goes on."""
        cpu = platform.processor() or platform.machine()
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else cpu
        threads = torch.get_num_threads() if device.type == "cpu" else None
        self._write({
            "kind": "begin", "data": str(data.resolve()), "device": f"{device.type}: {name}", "processes": processes,
            "threads": threads, "torch": torch.__version__, "python": platform.python_version(),
        })  # fmt: skip

    def add(self, progress: Progress) -> None:
        """Write the state after a step."""
        self._write({"kind": "step", **{key: value for key, value in asdict(progress).items() if value is not None}})

    def end(self) -> None:
        """Write the seconds since the log was opened, and the seal."""
        self._write({"kind": "end", "seconds": round(time.perf_counter() - self._began, 3)})
        write_atomic(self.path, seal(self.path.read_bytes(), SEAL))

    def _write(self, line: Mapping[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_to_line(line))


def _to_line(line: Mapping[str, Any]) -> str:
    return json.dumps(line) + "\n"


def read_log(folder: Path) -> list[dict[str, Any]]:
    """The lines of a run's log but its seal; a last one that was cut off is left out. Empty if there is no log."""
    path = folder / LOG
    return list(_read_lines(path)) if path.is_file() else []


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if not isinstance(line, dict) or line.get("kind", "seal") == "seal":
            continue
        if line["kind"] != "step" or isinstance(line.get("step"), int):
            yield line
