"""The folder of a study, read: its table, the measures beside it, and the way it was run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet

from domaintoolkit.errors import ArtifactError
from domaintoolkit.studies.cell_run import load_metrics
from domaintoolkit.studies.study import Study
from domaintoolkit.studies.time_budget import TimePlan
from domaintoolkit.train import read_log
from domaintoolkit.util.artifacts import read_json

__all__ = ["CALLS", "FORMAT", "PLAN", "RESULTS", "VERSION", "StudyResults", "load_results", "load_rows"]

PLAN, RESULTS, CALLS = "study.json", "results", "calls.jsonl"
FORMAT, VERSION = "domaintoolkit study", 1


@dataclass(frozen=True, slots=True)
class StudyResults:
    """The results of a study that has ended."""

    study: Study
    folder: Path
    command: str
    """The command that repeats it."""
    form: str
    data: str
    rows: Sequence[Mapping[str, Any]]
    """A row for each run: the table's, its seconds a step, and its validation losses."""
    plan: TimePlan | None
    training_seconds: float
    """Of all runs together, one after another."""
    wall_seconds: float | None
    """Of all calls of the command together; None if none was noted."""
    machine: str
    failed: Mapping[str, str]
    """The reason of each run that failed, by its levels and seed."""

    @property
    def seeds(self) -> list[int]:
        """The seeds of its runs."""
        return sorted({row["seed"] for row in self.rows})


def load_results(study: Study, folder: Path, name: str | None = None) -> StudyResults:
    """The results in a folder; `name` is what the command was given.

    Raises `ArtifactError` if the study has not ended, or has other axes.
    """
    rows = load_rows(folder)
    known = read_json(folder / PLAN, FORMAT, VERSION)
    identity = known["identity"]
    absent = [axis for axis in study.axes if axis not in rows[0]]
    if absent:
        raise ArtifactError(str(folder), f"holds another study: it has no axis {', '.join(absent)}")
    logs = [read_log(folder / "cells" / row["cell"] / "run") for row in rows]
    noted = (folder / CALLS).read_text(encoding="utf-8").splitlines() if (folder / CALLS).exists() else []
    calls = [json.loads(line) for line in noted]
    streams, domain = known["streams"], identity["domain"]
    return StudyResults(
        study, folder, _command(name, identity, streams), identity["form"],
        Path(streams).name if streams is not None else f"sample of {_domains(study, domain)}", rows,
        None if known["plan"] is None else TimePlan(**known["plan"]),
        sum(line["seconds"] for log in logs for line in log if line["kind"] == "end"),
        sum(call["seconds"] for call in calls) if calls else None, _machine(logs, calls),
        known.get("failed", {}),
    )  # fmt: skip


def _domains(study: Study, domain: str | None) -> str:
    """The domain of all runs, or those that the levels name."""
    if domain is not None or study.domain is not None:
        return str(domain or study.domain)
    levels = (settings for axis in study.axes.values() for settings in axis.values())
    return ", ".join(dict.fromkeys(str(each["domain"]) for each in levels if "domain" in each))


def load_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a study's table, each with its seconds a step and its validation losses.

    Raises `ArtifactError` if the study has not ended.
    """
    path = folder / f"{RESULTS}.parquet"
    if not (folder / PLAN).exists() or not path.exists():
        raise ArtifactError(str(folder), "has no results of a study; run one to its end first")
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
    for row in rows:
        more = load_metrics(folder / "cells" / row["cell"]) or {}
        row |= {"seconds_a_step": more.get("seconds_a_step"), "validation": more.get("validation", [])}
    return rows


def _command(name: str | None, identity: Mapping[str, Any], streams: str | None) -> str:
    said = ["domaintoolkit", "study", name or "STUDY.toml"]
    if streams is not None:
        said.append(Path(streams).name)
    if identity["domain"] is not None:
        said += ["--domain", identity["domain"]]
    if identity["form"] != "small":
        said += ["--form", identity["form"]]
    if identity["budget"] is not None:
        budget = identity["budget"]
        said += ["--budget", f"{budget:g}s" if budget % 60 else f"{budget / 60:g}m"]
    return shlex.join(said)


def _machine(logs: Sequence[Sequence[Mapping[str, Any]]], calls: Sequence[Mapping[str, Any]]) -> str:
    begun = [line for log in logs for line in log if line["kind"] == "begin"]
    if not begun:
        return "not known"
    last = begun[-1]
    at_once = f", {calls[-1]['jobs']} runs at once" if calls else ""
    many = "" if last["threads"] == 1 else "s"
    return f"{last['device']}, {last['threads']} thread{many} a run{at_once}, torch {last['torch']}"
