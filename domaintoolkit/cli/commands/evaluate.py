"""`domaintoolkit evaluate`"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from domaintoolkit.cli.evaluation.bot_evaluation import ClusterOptions, cluster_options, run_clusters
from domaintoolkit.cli.evaluation.next_evaluation import NextOptions, next_options, run_next
from domaintoolkit.cli.options import AtLeast, device_option, format_examples, json_option, model_threads_option

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit evaluate shop-model shop --next product_id",
    "domaintoolkit evaluate shop --next event_type --held-out every",
    "domaintoolkit evaluate ads-model ads --clusters --rules-of ads --converted is_attributed",
    "domaintoolkit evaluate loans-model loans --next activity --held-out every --suffixes 500 --end END",
)


@click.command("evaluate", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[RUN] OUT")
@next_options
@cluster_options
@click.option(
    "--split", type=click.Choice(["train", "validation", "test", "all"]), default="test", show_default=True,
    help="The entities that are evaluated.",
)  # fmt: skip
@click.option("--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Seed of what is drawn.")
@device_option
@model_threads_option
@json_option
def command(
    paths: tuple[Path, ...],
    split: Literal["train", "validation", "test", "all"],
    seed: int,
    device: str | None,
    json_output: bool,
    **options: Any,
) -> None:
    """Say what a model is worth, next to rules that need none.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary. Without RUN, only the
    rules are evaluated.
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
    ):
        if idle and not given:
            raise click.UsageError(f"{', '.join(idle)}: no effect without {wanted}")
    if telling.next_field is not None and finding.clusters:
        raise click.UsageError("give either --next FIELD or --clusters, not both")
    if finding.clusters:
        run_clusters(run, folder, finding, device, json_output)
    elif telling.next_field is not None:
        run_next(run, folder, telling, device, json_output)
    else:
        raise click.UsageError("nothing to evaluate; give --next FIELD or --clusters")
