"""`domaintoolkit sample`"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import click

from domaintoolkit.cli.completion import complete_domains
from domaintoolkit.cli.options import AtLeast, format_examples, overwrite_option, reads_tables
from domaintoolkit.cli.output import check_output_file
from domaintoolkit.util.temporary import temporary_folder

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit sample ecommerce --events 10000 -o shop.csv",
    "domaintoolkit sample ecommerce --events 5 -o -",
)


@click.command("sample", epilog=EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=complete_domains)
@click.option("--events", type=AtLeast(1), metavar="N", help="Events to simulate.  [default: the domain's own number]")
@click.option("--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Seed of the simulation.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path, allow_dash=True), metavar="FILE",
    help="File to write (.csv, .csv.gz or .parquet); `-` is CSV on standard output.  [default: NAME.csv]",
)  # fmt: skip
@overwrite_option
@reads_tables()
def command(name: str, events: int | None, seed: int, out: Path | None, overwrite: bool) -> None:
    """Write the simulated sample of a domain, in the layout of its raw files.

    NAME is a domain; `domains` lists them. The file is one that the domain's reader reads.
    """
    from domaintoolkit.errors import printable
    from domaintoolkit.reading import write_sample
    from domaintoolkit.registry import get_domain

    domain = get_domain(name)
    if out == Path("-"):
        with temporary_folder() as folder:
            made = write_sample(domain, folder / "sample.csv", events, seed)
            with made.open("rb") as rows:
                shutil.copyfileobj(rows, sys.stdout.buffer)
        return
    file = out or Path(f"{name}.csv")
    check_output_file(file, overwrite)
    write_sample(domain, file, events, seed)
    click.echo(printable(f"{domain.sample_events if events is None else events:,} simulated events written to {file}"))
