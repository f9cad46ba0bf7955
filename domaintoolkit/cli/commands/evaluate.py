"""`domaintoolkit evaluate`"""

from __future__ import annotations

from pathlib import Path

import click

from domaintoolkit.cli.evaluation.bot_evaluation import ClusterOptions, cluster_options, run_clusters
from domaintoolkit.cli.evaluation.label_evaluation import ProbeOptions, probe_options, run_labels
from domaintoolkit.cli.evaluation.next_evaluation import NextOptions, Split, next_options, run_next
from domaintoolkit.cli.evaluation.shared_options import Machine, changed_options, machine_options
from domaintoolkit.cli.label_options import LabelOptions, label_options
from domaintoolkit.cli.options import format_examples, json_option

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
@machine_options
@json_option
def command(
    paths: tuple[Path, ...],
    labels: LabelOptions,
    probes: ProbeOptions,
    ranking: NextOptions,
    bots: ClusterOptions,
    split: Split,
    machine: Machine,
    json_output: bool,
) -> None:
    """Say what a model is worth, next to rules and hand-made features that need none.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary. Without RUN, only the
    rules and features are evaluated.
    """
    if len(paths) > 2:
        raise click.UsageError(f"expected [RUN] OUT, got {len(paths)} folders")
    run, folder = (None, paths[0]) if len(paths) == 1 else paths
    modes = (
        (ranking, "--next FIELD", ranking.next is not None),
        (bots, "--clusters", bots.clusters),
        (probes, "--labels FILE or --label NAME", labels.is_given),
    )
    for options, wanted, is_chosen in modes:
        if not is_chosen and (idle := changed_options(options)):
            raise click.UsageError(f"{', '.join(idle)}: no effect without {wanted}")
    if sum(is_chosen for *_, is_chosen in modes) > 1:
        raise click.UsageError("give one of --labels (or --label), --next FIELD and --clusters")
    if labels.is_given:
        if split != "test":
            raise click.UsageError("--split: no effect with labels, whose table gives the splits; drop it")
        run_labels(run, folder, labels, probes, machine, json_output)
    elif bots.clusters:
        run_clusters(run, folder, bots, machine, json_output)
    elif ranking.next is not None:
        run_next(run, folder, ranking, split, machine, json_output)
    else:
        raise click.UsageError("nothing to evaluate; give --labels FILE, --next FIELD or --clusters")
