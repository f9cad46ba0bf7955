"""`domaintoolkit evaluate`"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

import click

from domaintoolkit.cli.evaluation.bot_evaluation import ClusterOptions, cluster_options, run_clusters
from domaintoolkit.cli.evaluation.label_evaluation import Machine, ProbeOptions, probe_options, run_labels
from domaintoolkit.cli.evaluation.next_evaluation import NextOptions, next_options, run_next
from domaintoolkit.cli.label_options import LabelOptions, label_options
from domaintoolkit.cli.options import (
    AtLeast,
    device_option,
    format_examples,
    json_option,
    model_threads_option,
)

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit evaluate shop-model shop --labels churn.csv",
    "domaintoolkit evaluate shop --label age_group --probe LightGBM",
    "domaintoolkit evaluate shop-model shop --next product_id",
    "domaintoolkit evaluate shop --next event_type --held-out every",
    "domaintoolkit evaluate ads-model ads --clusters --rules-of ads --converted is_attributed",
    "domaintoolkit evaluate loans-model loans --next activity --held-out every --suffixes 500 --end END",
)


@click.command("evaluate", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[RUN] OUT")
@label_options("--labels", "Label table: entity, date and target of each row. Measure embeddings on it.")
@probe_options
@next_options
@cluster_options
@click.option(
    "--split", type=click.Choice(["train", "validation", "test", "all"]), default="test", show_default=True,
    help="The entities that are evaluated; of labels, the table says it.",
)  # fmt: skip
@click.option("--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Seed of what is drawn.")
@device_option
@partial(model_threads_option, exposed=True)
@json_option
def command(
    paths: tuple[Path, ...],
    labels: LabelOptions,
    probes: ProbeOptions,
    split: Literal["train", "validation", "test", "all"],
    seed: int,
    device: str | None,
    threads: int | None,
    json_output: bool,
    **options: Any,
) -> None:
    """Say what a model is worth, next to rules and hand-made features that need none.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary. Without RUN, only the
    rules and features are evaluated.
    """
    if len(paths) > 2:
        raise click.UsageError(f"expected [RUN] OUT, got {len(paths)} folders")
    run, folder = (None, paths[0]) if len(paths) == 1 else paths
    names = NextOptions.__dataclass_fields__
    telling = NextOptions(split=split, seed=seed, **{name: value for name, value in options.items() if name in names})
    others = {name: value for name, value in options.items() if name not in names}
    finding = ClusterOptions(seed=seed, **others)
    for idle, wanted, given in (
        (telling.idle, "--next FIELD", telling.next_field is not None),
        (finding.idle, "--clusters", finding.clusters),
        (probes.idle, "--labels FILE or --label NAME", labels.is_given),
    ):
        if idle and not given:
            raise click.UsageError(f"{', '.join(idle)}: no effect without {wanted}")
    if [labels.is_given, telling.next_field is not None, finding.clusters].count(True) > 1:
        raise click.UsageError("give one of --labels (or --label), --next FIELD and --clusters")
    if labels.is_given:
        if split != "test":
            raise click.UsageError("--split: no effect with labels, whose table gives the splits; drop it")
        run_labels(run, folder, labels, probes, Machine(device, threads, seed), json_output)
    elif finding.clusters:
        run_clusters(run, folder, finding, device, json_output)
    elif telling.next_field is not None:
        run_next(run, folder, telling, device, json_output)
    else:
        raise click.UsageError("nothing to evaluate; give --labels FILE, --next FIELD or --clusters")
