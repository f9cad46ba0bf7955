"""`domaintoolkit finetune`"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.label_options import LabelOptions, label_options
from domaintoolkit.cli.options import (
    format_examples,
    json_option,
    model_options,
    overwrite_option,
    print_json,
)
from domaintoolkit.cli.pipes import keep_input
from domaintoolkit.cli.recipe_options import finetune_options
from domaintoolkit.display import LiveLine

if TYPE_CHECKING:
    from domaintoolkit.finetune import TuningResult

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit finetune shop-model shop --labels churn.csv -o churn-model",
    "domaintoolkit finetune shop-model shop --labels churn.csv --tuned head --fuse age --fuse plan -o churn-model",
    "domaintoolkit finetune shop-model shop --label country --kind multiclass -o country-model",
)


@click.command("finetune", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path), metavar="OUT")
@label_options("--labels", "Label table: key, date and target, and if need be split, task and weight.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="TUNED", help="Folder of the fine-tuned run."
)
@click.option("--settings", "file", type=click.Path(path_type=Path), metavar="FILE", help="TOML file of settings.")
@click.option("--compare/--no-compare", default=True, show_default=True, help="Compare with LightGBM on embeddings.")
@finetune_options
@model_options
@overwrite_option
@json_option
def command(
    run: Path,
    folder: Path,
    labels: LabelOptions,
    out: Path,
    file: Path | None,
    compare: bool,
    settings: dict[str, Any],
    device: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Fine-tune a model for a target.

    RUN is the folder of a training run, and OUT an encoded folder with the same vocabulary. Each label row knows the
    events before its date. TUNED receives the tuned model with a head for the target, and a comparison on test rows;
    `predict`, `embed`, `generate` and `verify` take it. To continue an interrupted run, run the same command again.
    """
    if not labels.is_given:
        raise click.UsageError("give --labels FILE, or --label NAME for a label column of the streams")
    from domaintoolkit.finetune import FinetuneSettings, finetune, load_settings
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.train import replace_run

    chosen = replace(load_settings(keep_input(file)) if file is not None else FinetuneSettings(), **settings)
    table = labels.read(open_encoded(folder))
    if overwrite and out.resolve() == run.resolve():
        raise click.UsageError("--out: RUN cannot be replaced by what is made of it; name another folder")
    with LiveLine() as line:

        def tune(place: Path) -> TuningResult:
            return finetune(run, folder, table, place, chosen, device=device, compare=compare, progress=line)

        result = replace_run(out, tune) if overwrite else tune(out)
    if json_output:
        print_json({"out": str(out), "seconds": round(result.seconds, 3), **result.to_json()})
    else:
        click.echo(str(result))
        click.echo(f"\nwritten to {out}")
