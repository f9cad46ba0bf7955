"""`domaintoolkit predict`"""

from __future__ import annotations

from pathlib import Path

import click

from domaintoolkit.cli.label_options import LabelOptions, label_options
from domaintoolkit.cli.options import (
    format_examples,
    json_option,
    model_options,
    overwrite_option,
    print_json,
)
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, writing
from domaintoolkit.display import ProgressBar

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit predict churn-model shop --labels customers.csv -o churn.csv",
    "domaintoolkit predict churn-model shop --labels customers.csv -o churn.parquet --including",
)


@click.command("predict", epilog=EXAMPLES)
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("folder", type=click.Path(path_type=Path), metavar="OUT")
@label_options("--labels", "Table of keys and dates; a target is not needed.", targets=False)
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="CSV or Parquet file to write: the key and date of each row, and a probability or a value; - is CSV on "
    "standard output.",
)  # fmt: skip
@model_options
@overwrite_option
@json_option
def command(
    run: Path,
    folder: Path,
    labels: LabelOptions,
    out: Path,
    device: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Write a probability or a value for each row of a table.

    RUN is the folder of a fine-tuned run, and OUT an encoded folder with the same vocabulary. Each row is predicted
    from the events before its date.
    """
    if not labels.is_given:
        raise click.UsageError("give --labels FILE, or --label NAME for a label column of the streams")
    ending = check_output_ending("--out", out, (".parquet", ".csv"))
    check_output_file(out, overwrite)
    from domaintoolkit.finetune import predict
    from domaintoolkit.jobs import write_rows
    from domaintoolkit.storage import open_encoded

    table = labels.read(open_encoded(folder))
    with ProgressBar() as bar:
        made = predict(run, folder, table, device, bar)
    with writing(out, ending) as file:
        write_rows([made], file)
    columns = [name for name in made.column_names if name not in table.identity.column_names]
    if json_output:
        print_json({"out": str(out), "rows": len(made), "columns": columns})
    else:
        echo_beside(out, f"{len(made):,} rows with {', '.join(columns)} written to {out}")
