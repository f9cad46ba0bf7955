"""`domaintoolkit decode`"""

from __future__ import annotations

from pathlib import Path

import click

from domaintoolkit.cli.options import as_json, example, overwrite_option, print_json
from domaintoolkit.cli.progress import Bar
from domaintoolkit.errors import OutputError

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit decode ecommerce-streams -o again.parquet",
    "domaintoolkit decode ecommerce-streams -o again.csv",
)

ENDINGS = (".parquet", ".csv")


@click.command("decode", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), required=True, metavar="FILE",
    help="The file to write; its name ends in .parquet or .csv.",
)  # fmt: skip
@overwrite_option
@as_json
def command(folder: Path, out: Path, overwrite: bool, json_output: bool) -> None:
    """Turn token streams back into a table.

    There is one row an event, in the order of the shards, and within an entity in the order of time. Texts and
    categories come back as they were, numbers within their buckets, hashed values as one of their bucket, and
    times such that they agree with every time token.
    """
    if out.suffix not in ENDINGS:
        raise click.UsageError(f"-o takes a name that ends in {' or '.join(ENDINGS)}, got {str(out)!r}")
    if out.exists() and not overwrite:
        raise OutputError(str(out), "is there already; give --overwrite to replace it, or choose another")
    from domaintoolkit.jobs import decode

    with Bar() as bar:
        rows = decode(folder, out, progress=bar)
    if json_output:
        print_json({"out": str(out), "rows": rows})
    else:
        click.echo(f"{rows:,} rows written to {out}")
