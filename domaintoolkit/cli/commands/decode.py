"""`domaintoolkit decode`"""

from __future__ import annotations

from pathlib import Path

import click

from domaintoolkit.cli.options import format_examples, json_option, overwrite_option, print_json, reads_tables
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import echo_beside, writing
from domaintoolkit.display import ProgressBar

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit decode ecommerce-streams -o again.parquet",
    "domaintoolkit decode ecommerce-streams -o - | head",
)

ENDINGS = (".parquet", ".csv")


@click.command("decode", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="File to write, with a name that ends in .parquet or .csv; - writes CSV to standard output.",
)  # fmt: skip
@overwrite_option
@json_option
@reads_tables()
def command(folder: Path, out: Path, overwrite: bool, json_output: bool) -> None:
    """Turn token streams back into a table.

    The table has one row per event; the events of an entity are in time order. Texts and categories come back
    exactly, numbers as a value in the same bucket, hashed values as a value from the same bucket, and times as
    instants that agree with every time token.
    """
    ending = check_output_ending("--out", out, ENDINGS)
    check_output_file(out, overwrite)
    from domaintoolkit.jobs import decode

    with ProgressBar() as bar, writing(out, ending) as file:
        rows = decode(folder, file, progress=bar)
    if json_output:
        print_json({"out": str(out), "rows": rows})
    else:
        echo_beside(out, f"{rows:,} rows written to {out}")
