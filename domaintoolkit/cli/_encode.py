"""`domaintoolkit encode`"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli._given import Given
from domaintoolkit.cli._made import free_folder
from domaintoolkit.cli._options import (
    Whole,
    as_json,
    example,
    limit_options,
    on_bad_rows_option,
    overwrite_option,
    print_json,
    rows_options,
)
from domaintoolkit.cli._progress import Bar

if TYPE_CHECKING:
    from domaintoolkit.engines import FitResult
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

OnBadRows = Literal["error", "quarantine"]

EXAMPLES = example(
    "domaintoolkit encode --domain ecommerce",
    "domaintoolkit encode --domain ecommerce 2019-Oct.csv.gz 2019-Nov.csv.gz -o shop",
    "domaintoolkit encode --schema orders.toml orders.parquet --on-bad-rows quarantine",
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How to run; none of it shows in what is written."""

    memory: str
    threads: int | None
    temporary: Path | None


@click.command("encode", epilog=EXAMPLES)
@rows_options
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="OUT",
    help="The folder to write.  [default: NAME-streams, here]",
)  # fmt: skip
@click.option(
    "--tokenizer", "tokenizer_folder", type=click.Path(path_type=Path), metavar="DIR",
    help="A fitted tokenizer.  [default: one is fitted first, on the training entities]",
)  # fmt: skip
@on_bad_rows_option
@click.option("--shards", type=Whole(1), metavar="N", help="Files to write.  [default: by their size]")
@limit_options
@overwrite_option
@as_json
def command(
    given: Given,
    out: Path | None,
    tokenizer_folder: Path | None,
    on_bad_rows: OnBadRows,
    shards: int | None,
    memory: str,
    threads: int | None,
    temporary: Path | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Turn a table of events into token streams.

    FILES are CSV (plain, gzip, zip), Parquet or Arrow files, folders or patterns of them; without any, the
    domain's own simulated sample is encoded. OUT gets the tokenizer, the streams (shards/*.arrow) and a
    manifest. The same command continues what was interrupted.
    """
    limits = Limits(memory, threads, temporary)
    given.check()
    folder = out or Path(f"{given.name}-streams")
    free_folder_for_streams(folder, overwrite)
    data = _encoded(given, folder, tokenizer_folder, on_bad_rows, shards, limits, overwrite)
    if json_output:
        print_json(data)
    else:
        from domaintoolkit.cli._summary import show_encoding

        show_encoding(data)


def free_folder_for_streams(folder: Path, overwrite: bool) -> None:
    """OUT may also hold an unfinished encoding, which is continued."""
    from domaintoolkit.engines._state import STATE

    if not (folder / STATE).exists():
        hint = "already holds an encoded folder; give --overwrite to replace it, or choose another with -o"
        free_folder(folder, "manifest.json", overwrite, hint)


def _encoded(
    given: Given,
    folder: Path,
    tokenizer_folder: Path | None,
    on_bad_rows: OnBadRows,
    shards: int | None,
    limits: Limits,
    overwrite: bool,
) -> dict[str, Any]:
    from domaintoolkit.cli._summary import encoding_summary
    from domaintoolkit.engines import encode

    with Bar() as bar:
        tokenizer, source, fitted = _prepared(given, folder, tokenizer_folder, on_bad_rows, limits.threads, bar)
        if overwrite:
            _remove_encoded(folder)
        result = encode(
            tokenizer, source, folder, memory=limits.memory, threads=limits.threads, temporary=limits.temporary,
            shards=shards, on_bad_rows=on_bad_rows, progress=bar,
        )  # fmt: skip
    return encoding_summary(result, tokenizer, fitted, sample=not given.files)


def _prepared(
    given: Given, folder: Path, tokenizer_folder: Path | None, on_bad_rows: OnBadRows, threads: int | None, bar: Bar
) -> tuple[DomainTokenizer, Any, FitResult | None]:
    """The tokenizer, the rows, and how the tokenizer was fitted where that was done here."""
    from domaintoolkit.engines import fit
    from domaintoolkit.tokenizer import DomainTokenizer

    if tokenizer_folder is None:
        domain = given.domain()
        source = given.source(domain)
        resumed = _resumed(folder, domain.schema) if given.files else None
        if resumed is not None:
            return resumed, source, None
        fitted = fit(domain.schema, source, threads=threads, on_bad_rows=on_bad_rows, progress=bar)
        return fitted.tokenizer, source, fitted
    tokenizer = DomainTokenizer.load(tokenizer_folder)
    return tokenizer, given.source_for(tokenizer.schema), None


def _resumed(folder: Path, schema: Any) -> DomainTokenizer | None:
    """The tokenizer of an encoding that was interrupted after its input was read: it is not fitted again."""
    from domaintoolkit.engines._state import STATE, State
    from domaintoolkit.tokenizer import DomainTokenizer

    if not (folder / STATE).exists() or not State.load(folder).shards:
        return None
    tokenizer = DomainTokenizer.load(folder / "tokenizer")
    return tokenizer if tokenizer.schema == schema else None


def _remove_encoded(folder: Path) -> None:
    """Remove what an earlier encoding has written, and nothing else."""
    from domaintoolkit.engines._state import discard

    if (folder / "manifest.json").exists():
        discard(folder)
        (folder / "quarantine.csv").unlink(missing_ok=True)
