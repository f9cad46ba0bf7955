"""Cells: training runs, and what is measured of their models.

`python -m domaintoolkit.studies.cell_run PARENT` is a process that does one cell after another: those whose folders it
reads, one a line, so that torch is imported only once. PARENT is the number of the process that starts it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from domaintoolkit.schema.convert import from_dict
from domaintoolkit.util.artifacts import read_json, write_json
from domaintoolkit.util.partials import write_atomic

__all__ = ["ERROR", "load_metrics", "run_cell", "write_task"]

TASK, METRICS, ERROR, RUN = "task.json", "metrics.json", "error.json", "run"
FORMAT, VERSION = "domaintoolkit study cell", 1
RANKED = 1_500
"""Test histories whose events are ranked."""


def write_task(cell: Path, task: dict[str, Any]) -> None:
    """Write what a cell is to do."""
    cell.mkdir(parents=True, exist_ok=True)
    write_json(cell / TASK, FORMAT, VERSION, task)


def load_metrics(cell: Path) -> dict[str, Any] | None:
    """The measures of a cell; None if it is not finished."""
    return read_json(cell / METRICS, FORMAT, VERSION) if (cell / METRICS).exists() else None


def run_cell(cell: Path) -> None:
    """Train, or go on training; then measure."""
    import torch

    from domaintoolkit.train import Progress, Recipe, train

    task = read_json(cell / TASK, FORMAT, VERSION)
    torch.set_num_threads(task["threads"])
    recipe = from_dict(Recipe, task["recipe"], "the recipe of a cell")

    def be_quiet(progress: Progress) -> None:
        """The parent reads the log."""

    start = None if task["start"] is None else Path(task["start"])
    train(task["data"], cell / RUN, recipe, resume=True, progress=be_quiet, start=start)
    write_json(cell / METRICS, FORMAT, VERSION, _measure(cell / RUN, Path(task["data"]), task["downstream"]))


def _measure(run: Path, data: Path, downstream: bool) -> dict[str, Any]:
    from domaintoolkit.evaluate.part_ranks import fit_block, rank_parts
    from domaintoolkit.model import load_model
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.studies.bucket_widths import width_bits
    from domaintoolkit.studies.downstream import probe_labels
    from domaintoolkit.tokenizer import DomainTokenizer
    from domaintoolkit.train import read_log, read_result

    result = read_result(run)
    log = [line for line in read_log(run) if line["kind"] == "step"]
    encoded = open_encoded(data)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    model = load_model(run)
    # on the test split
    rows = {row["name"]: row["bits_per_event"] for row in result["comparison"]["rows"]}
    train = encoded.manifest.splits.get("train", {})
    found: dict[str, Any] = {
        "bits": rows["model"],
        "markov_bits": rows["Markov"],
        "unigram_bits": rows["unigram"],
        "validation_bits": min((bits for _, bits in result["validation"]), default=None),
        "validation": result["validation"],
        "parameters": result["parameters"],
        "inner_parameters": result["inner_parameters"],
        "steps": result["steps"],
        "best_step": result["best_step"],
        "training_entities": train.get("entities", 0),
        "training_events": train.get("events", 0),
        "events_seen": sum(line.get("events", 0) for line in log),
        "tokens_seen": sum(line.get("tokens", 0) for line in log),
        "test_events": result["comparison"]["events"],
        "embedding_norm": float(model.get_parameter(model.grows[0]).detach().norm(dim=1).mean()),
        "seconds_a_step": _seconds_a_step(log),
    }
    # 6 for each parameter and position (Kaplan et al. 2020): an event is one position of an event model
    found["flops"] = 6.0 * found["inner_parameters"] * found["events_seen"]
    found["gain"] = min(rows["Markov"], rows["unigram"]) - rows["model"]
    found["value_bits"] = rows["model"] + width_bits(encoded, tokenizer)
    for cost in result["comparison"].get("fields", []):
        found[f"bits.{cost['field']}"] = cost["bits"]["model"]
    for ranks in rank_parts(model, *fit_block(model, *_test_streams(encoded))):
        found[f"recall.{ranks.part}"] = ranks.recall
    recalls = [value for name, value in found.items() if name.startswith("recall.")]
    found["recall"] = float(np.mean(recalls)) if recalls else None
    if downstream:
        found.update(probe_labels(model, encoded, tokenizer))
    # JSON has no NaN
    return {name: None if isinstance(value, float) and value != value else value for name, value in found.items()}


def _seconds_a_step(log: list[dict[str, Any]]) -> float | None:
    """The median over the log's reports, so that a pause does not count."""
    rates = [
        line["tokens"] / line["tokens_per_second"] / max(1, line["step"] - before)
        for before, line in zip([0, *(each["step"] for each in log[:-1])], log, strict=True)
        if line.get("tokens_per_second")
    ]
    return float(np.median(rates)) if rates else None


def _test_streams(encoded: Any) -> tuple[list[np.ndarray[Any, Any]], list[np.ndarray[Any, Any]]]:
    """(ids, places of the events) of some test histories."""
    histories: list[np.ndarray[Any, Any]] = []
    starts: list[np.ndarray[Any, Any]] = []
    for rows in encoded.streams("test"):
        for row in rows.selected[: RANKED - len(histories)].tolist():
            histories.append(rows.ids[rows.offsets[row] : rows.offsets[row + 1]])
            starts.append(rows.event_starts[rows.event_offsets[row] : rows.event_offsets[row + 1]])
    return histories, starts


def main() -> None:
    """Do the cells whose folders come in; one that fails says so in its folder, and ends the process."""
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    for line in sys.stdin:
        cell = Path(line.rstrip("\n"))
        try:
            run_cell(cell)
        except Exception as problem:
            write_atomic(cell / ERROR, json.dumps(f"{type(problem).__name__}: {problem}").encode())
            raise


def _end_with(parent: int) -> None:
    """End as soon as the study's own process is gone, however it went: the next one does this cell."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


if __name__ == "__main__":
    main()
