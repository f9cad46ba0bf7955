"""`evaluate --labels`: its options, and its result on the screen."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.evaluation.shared_options import Machine, find_changes
from domaintoolkit.cli.label_options import LabelOptions
from domaintoolkit.cli.options import AtLeast, add_options, bundle, pooling_option, print_json
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.model import PoolingName
    from domaintoolkit.probes import LabelEvaluation

__all__ = ["ProbeOptions", "probe_options", "run_labels"]


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """The options of this mode."""

    task: str | None = None
    probe: tuple[Literal["linear", "LightGBM"], ...] = ()
    pooling: PoolingName | None = None
    window: int | None = None
    ablations: bool = False
    refit: bool = False
    top_values: int | None = None
    seeds: int | None = None
    resamples: int | None = None
    probe_rows: int | None = None
    at_k: float | None = None
    false_positives: float | None = None


def probe_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `evaluate --labels`; the command takes them as `probes`."""
    return add_options(
        bundle(function, ProbeOptions, "probes"),
        click.option("--task", metavar="NAME", help="Task of the label table.  [default: each]"),
        click.option(
            "--probe", multiple=True, type=click.Choice(["linear", "LightGBM"]), help="Probe to fit.  [default: both]"
        ),
        pooling_option,
        click.option("--window", type=AtLeast(2), metavar="N", help="Positions read together.  [default: the block]"),
        click.option("--ablations", is_flag=True, help="Embed shuffled events and events without times, too."),
        click.option("--refit", is_flag=True, help="Fit the chosen probes again on training and validation rows."),
        click.option(
            "--top-values", type=AtLeast(0), metavar="N",
            help="Values of a category that aggregates count.  [default: 200]",
        ),
        click.option("--seeds", type=AtLeast(1), metavar="N", help="Fits of LightGBM.  [default: 3]"),
        click.option("--resamples", type=AtLeast(20), metavar="N", help="Bootstrap resamples.  [default: 300]"),
        click.option("--probe-rows", type=AtLeast(2), metavar="N", help="Most training rows.  [default: 200000]"),
        click.option(
            "--at-k", type=click.FloatRange(0, 1, min_open=True), metavar="SHARE",
            help="k of precision and recall, as a share of the test rows.  [default: 0.1]",
        ),
        click.option(
            "--false-positives", type=click.FloatRange(0, 1, min_open=True), metavar="RATE",
            help="False positive rate of precision and recall.  [default: 0.01]",
        ),
    )  # fmt: skip


def run_labels(
    run: Path | None,
    folder: Path,
    labels: LabelOptions,
    options: ProbeOptions,
    machine: Machine,
    json_output: bool,
) -> None:
    """Evaluate each task of a label table, and print the tables and verdicts."""
    _show(_evaluate(run, folder, labels, options, machine), json_output)


def _evaluate(
    run: Path | None, folder: Path, labels: LabelOptions, options: ProbeOptions, machine: Machine
) -> list[LabelEvaluation]:
    from domaintoolkit.aggregates import AggregateSettings
    from domaintoolkit.embeddings import EmbeddingSettings
    from domaintoolkit.model import DEFAULT_POOLING, load_model
    from domaintoolkit.probes import ProbeSettings, evaluate_labels
    from domaintoolkit.storage import open_encoded

    changes = find_changes(options)
    if run is None:
        idle = [name for name in ("pooling", "window", "ablations") if name in changes]
        if idle:
            raise click.UsageError(f"--{idle[0]}: no effect without a RUN; drop it")
        model = None
    else:
        model = load_model(run, machine.device)
    encoded = open_encoded(folder)
    table = labels.read(encoded)
    # options by the settings that they are; left-out ones keep the settings' own defaults
    names = {"seeds": "seeds", "resamples": "resamples", "probe_rows": "rows", "at_k": "share"}
    names |= {"false_positives": "false_positives", "refit": "refit", "probe": "probes"}
    given = {setting: changes[name] for name, setting in names.items() if name in changes}
    settings = ProbeSettings(**given, threads=machine.threads or os.cpu_count() or 1, seed=machine.seed)
    aggregates = AggregateSettings() if options.top_values is None else AggregateSettings(top=options.top_values)
    embedding = EmbeddingSettings(options.pooling or DEFAULT_POOLING, options.window)
    # a table without tasks has one, which has no name
    tasks = [options.task] if options.task is not None else table.task_names or (None,)
    with ProgressBar() as bar:
        return [
            evaluate_labels(
                model,
                encoded,
                table,
                task,
                settings,
                embedding=embedding,
                aggregates=aggregates,
                ablations=options.ablations,
                progress=bar,
            )
            for task in tasks
        ]


def _show(found: list[LabelEvaluation], json_output: bool) -> None:
    """Print the table and the verdict of each task."""
    if json_output:
        print_json({"tasks": [each.to_json() for each in found]})
        return
    for each in found:
        counts = each.rows
        click.echo(
            f"{each.task}: {each.kind}, {counts['train']:,} training, {counts['validation']:,} validation and "
            f"{counts['test']:,} test rows ({each.entities:,} entities); of all {counts['rows']:,} rows "
            f"{counts['unknown']:,} are of unknown entities and {counts['without_events']:,} have no event yet"
        )
        for note in each.notes:
            click.echo(f"note: {note}")
        click.echo()
        click.echo(each.table())
        click.echo()
        click.echo(f"verdict: {each.sentence}")
