"""`evaluate --clusters`: its options, and its result on the screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_domains, complete_labels
from domaintoolkit.cli.evaluation.shared_options import Machine
from domaintoolkit.cli.options import AtLeast, add_options, bundle, print_json
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.clusters import ClusterReport, Spread

__all__ = ["ClusterOptions", "cluster_options", "run_clusters"]


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """The options of `evaluate --clusters`."""

    clusters: bool = False
    rule: tuple[str, ...] = ()
    rules_of: str | None = None
    converted: str | None = None
    rate: float = 0.01
    cluster_count: int | None = None
    truth: str | None = None
    people: tuple[str, ...] = ()


def cluster_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of `evaluate --clusters`; the command takes them as `bots`."""
    return add_options(
        bundle(function, ClusterOptions, "bots"),
        click.option("--clusters", is_flag=True, help="Find bots: clusters of embeddings, judged by rules."),
        click.option("--rule", multiple=True, metavar="RULE",
            help="Rule: steady, fast, sleepless, busy, repeats:FIELD, varies:FIELD, cycles:FIELD. Repeatable."),
        click.option("--rules-of", metavar="DOMAIN", shell_complete=complete_domains,
            help="Take the rules of an installed domain."),
        click.option("--converted", metavar="LABEL", shell_complete=complete_labels,
            help="Label of events that only people bring about."),
        click.option("--rate", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01,
            show_default=True, metavar="SHARE", help="Share of these events that may be called invalid."),
        click.option("--cluster-count", type=AtLeast(2), metavar="K",
            help="Clusters.  [default: one for 50 entities, 10 to 500]"),
        click.option("--truth", metavar="LABEL", shell_complete=complete_labels,
            help="Label that says what an entity is, if that is known."),
        click.option("--people", multiple=True, metavar="VALUE",
            help="A value of --truth that is not a bot. Repeatable."),
    )  # fmt: skip


def run_clusters(run: Path | None, folder: Path, options: ClusterOptions, machine: Machine, json_output: bool) -> None:
    """Evaluate, and print the report."""
    if run is None:
        raise click.UsageError("--clusters needs the folder of a training run: RUN OUT")
    if options.converted is None:
        raise click.UsageError("--clusters needs --converted LABEL, whose events stand in for people")
    if options.people and options.truth is None:
        raise click.UsageError("--people: no effect without --truth LABEL; add it or drop --people")
    rules = options.rule
    if options.rules_of is not None:
        from domaintoolkit.registry import get_domain

        rules = tuple(dict.fromkeys((*rules, *get_domain(options.rules_of).bot_rules)))
    if not rules:
        raise click.UsageError("--clusters needs rules: --rule RULE, or --rules-of DOMAIN")
    from domaintoolkit.clusters import ClusterSettings, evaluate_clusters
    from domaintoolkit.model import load_model

    settings = ClusterSettings(
        rules=rules,
        converted=options.converted,
        rate=options.rate,
        clusters=options.cluster_count,
        truth=options.truth,
        people=options.people,
        seed=machine.seed,
    )
    with ProgressBar() as bar:
        report = evaluate_clusters(load_model(run, machine.device), folder, settings, bar)
    if json_output:
        print_json(report.to_json())
    else:
        _show(report)


def _show(report: ClusterReport) -> None:
    from domaintoolkit.report import Screen

    screen = Screen()
    screen.facts(
        [
            (
                "entities",
                f"{report.entities:,} with {report.events:,} events, {report.converting:,} of them converting",
            ),
            ("clusters", f"{report.clusters:,}, ordered by {', '.join(report.rules)}"),
            ("rate", f"{report.rate:.2%} of the converting events, set on one half and reported on the other"),
            ("repeats", f"{report.repeats}, each with other clusters and other halves; the range is in brackets"),
        ]
    )
    screen.line()
    known = report.rows[0].bots is not None
    head = ("vectors", "converting called invalid", "all events called invalid", *(("bots", "people") if known else ()))
    rows = []
    for row in report.rows:
        cells = [row.name, _share(row.false_positives), _share(row.invalid)]
        if row.bots is not None and row.people is not None:
            cells += [_share(row.bots), _share(row.people)]
        rows.append(cells)
    screen.table(head, rows)
    for title, name in (("events of the entity", "by_length"), ("kind", "by_kind")):
        tables = [getattr(row, name) for row in report.rows]
        if not tables[0]:
            continue
        screen.line()
        screen.table(
            (title, *(row.name for row in report.rows)),
            [(key, *(_share(table[key]) for table in tables)) for key in tables[0]],
        )
    screen.line()
    for note in report.notes:
        screen.line(f"note: {note}")
    screen.line(report.verdict)


def _share(spread: Spread) -> str:
    if spread.mean != spread.mean:
        return "-"
    return f"{spread.mean:.1%} ({spread.least:.1%} to {spread.greatest:.1%})"
