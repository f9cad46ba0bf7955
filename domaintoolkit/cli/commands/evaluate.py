"""`domaintoolkit evaluate`"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from domaintoolkit.cli.next_evaluation import NextOptions, next_options, run_next
from domaintoolkit.cli.options import AtLeast, device_option, format_examples, json_option, model_threads_option

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit evaluate shop-model shop --next product_id",
    "domaintoolkit evaluate shop --next event_type --held-out every",
    "domaintoolkit evaluate loans-model loans --next activity --held-out every --suffixes 500 --end END",
)


@click.command("evaluate", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="[RUN] OUT")
@next_options
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
    telling = NextOptions(split=split, seed=seed, **options)
    if telling.next_field is None:
        idle = telling.idle
        raise click.UsageError(
            f"{', '.join(idle)}: no effect without --next FIELD" if idle else "nothing to evaluate; give --next FIELD"
        )
    run_next(run, folder, telling, device, json_output)
