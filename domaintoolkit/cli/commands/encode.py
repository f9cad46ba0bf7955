"""`domaintoolkit encode`"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.options import (
    Whole,
    as_json,
    composites_option,
    example,
    limit_options,
    on_bad_rows_option,
    overwrite_option,
    print_json,
    rows_options,
)
from domaintoolkit.cli.output import free_folder
from domaintoolkit.cli.progress import Bar
from domaintoolkit.cli.row_options import Given

if TYPE_CHECKING:
    from domaintoolkit.jobs import FitResult
    from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["command"]

OnBadRows = Literal["error", "quarantine"]

EXAMPLES = example(
    "domaintoolkit encode --domain ecommerce",
    "domaintoolkit encode --domain ecommerce 2019-Oct.csv.gz 2019-Nov.csv.gz -o shop",
    "domaintoolkit encode --schema orders.toml orders.parquet --on-bad-rows quarantine",
    "domaintoolkit encode --domain ecommerce --composites 4000 -o shop-composites",
    "domaintoolkit encode --append -o shop 2019-Dec.csv.gz",
)


@dataclass(frozen=True, slots=True)
class Task:
    """What to encode, where to, and how; `memory` to `temporary` do not show in what is written."""

    given: Given
    out: Path
    tokenizer: Path | None
    on_bad_rows: OnBadRows
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
    "--tokenizer", "tokenizer_folder", type=click.Path(readable=False, path_type=Path), metavar="DIR",
    help="A fitted tokenizer.  [default: one is fitted first, on the training entities]",
)  # fmt: skip
@composites_option
@on_bad_rows_option
@click.option("--shards", type=Whole(1), metavar="N", help="Files to write.  [default: by their size]")
@limit_options
@click.option("--append", "appending", is_flag=True, help="Add the events of FILES to what OUT holds.")
@click.option(
    "--rewrite", is_flag=True,
    help="With --append, encode anew the history of an entity that gets an event older than its last; without, "
    "such events are set aside.",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True,
    help="Where the work runs. Spark also reads Parquet URIs, partitioned folders and tables.",
)  # fmt: skip
@click.option("--master", metavar="URL", help="The master of Spark.  [default: Spark's own setting]")
@overwrite_option
@as_json
def command(
    given: Given,
    out: Path | None,
    tokenizer_folder: Path | None,
    composites: int | None,
    on_bad_rows: OnBadRows,
    shards: int | None,
    memory: str,
    threads: int | None,
    temporary: Path | None,
    appending: bool,
    rewrite: bool,
    engine: str,
    master: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Turn a table of events into token streams.

    FILES are CSV (plain, gzip, zip), Parquet or Arrow files, folders or patterns of them; without any, the
    domain's own simulated sample is encoded. OUT gets the tokenizer, the streams (shards/*.arrow) and a
    manifest. The same command continues what was interrupted.
    """
    given = replace(given, composites=composites)
    task = Task(given, out or Path(f"{given.name}-streams"), tokenizer_folder, on_bad_rows, memory, threads, temporary)
    _check(task, appending, rewrite, shards, engine, master, overwrite)
    with Bar() as bar:
        if appending:
            data = _appended(task, rewrite, bar)
        elif engine == "spark":
            data = _on_spark(task, shards, master, overwrite)
        else:
            data = _encoded(task, shards, overwrite, bar)
    if json_output:
        print_json(data)
    else:
        from domaintoolkit.cli.summary import show_encoding

        show_encoding(data)


def _check(
    task: Task, appending: bool, rewrite: bool, shards: int | None, engine: str, master: str | None, overwrite: bool
) -> None:
    """Contradictions, and an OUT that cannot be written to, before any work."""
    task.given.check()
    if task.given.composites is not None and (task.tokenizer is not None or appending):
        raise click.UsageError("--composites is for fitting; a tokenizer has its own (fit --extend adds further ones)")
    if rewrite and not appending:
        raise click.UsageError("--rewrite goes with --append")
    if master is not None and engine != "spark":
        raise click.UsageError("--master goes with --engine spark")
    if task.given.delimiter is not None and engine == "spark":
        raise click.UsageError("--delimiter is of CSV files, and --engine spark reads Parquet")
    if appending and (overwrite or shards is not None or engine != "local"):
        raise click.UsageError("--append takes OUT as it is: no --overwrite, --shards or --engine spark")
    if not appending:
        free_folder_for_streams(task.out, overwrite)


def free_folder_for_streams(folder: Path, overwrite: bool) -> None:
    """OUT may also hold an unfinished encoding, which is continued."""
    from domaintoolkit.storage.resume_state import STATE

    if not (folder / STATE).exists():
        hint = "already holds an encoded folder; give --overwrite to replace it, or choose another with -o"
        free_folder(folder, "manifest.json", overwrite, hint)


def _encoded(task: Task, shards: int | None, overwrite: bool, bar: Bar) -> dict[str, Any]:
    from domaintoolkit.cli.summary import encoding_summary
    from domaintoolkit.jobs import encode

    tokenizer, source, fitted = _prepared(task, bar)
    if overwrite:
        _remove_encoded(task.out)
    result = encode(
        tokenizer, source, task.out, memory=task.memory, threads=task.threads, temporary=task.temporary,
        shards=shards, on_bad_rows=task.on_bad_rows, progress=bar,
    )  # fmt: skip
    return encoding_summary(result, tokenizer, fitted, sample=not task.given.files)


def _prepared(task: Task, bar: Bar) -> tuple[DomainTokenizer, Any, FitResult | None]:
    """The tokenizer, the rows, and how the tokenizer was fitted where that was done here."""
    from domaintoolkit.jobs import fit
    from domaintoolkit.tokenizer import DomainTokenizer

    given = task.given
    if task.tokenizer is not None:
        tokenizer = DomainTokenizer.load(task.tokenizer)
        return tokenizer, given.source_for(tokenizer.schema), None
    domain = given.domain()
    source = given.source(domain)
    resumed = _resumed(task.out, domain.schema) if given.files else None
    if resumed is not None:
        return resumed, source, None
    fitted = fit(domain.schema, source, threads=task.threads, on_bad_rows=task.on_bad_rows, progress=bar)
    return fitted.tokenizer, source, fitted


def _appended(task: Task, rewrite: bool, bar: Bar) -> dict[str, Any]:
    from domaintoolkit.cli.summary import encoding_summary
    from domaintoolkit.jobs import append
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    source = task.given.source_of(open_encoded(task.out, verify=False))
    tokenizer = None if task.tokenizer is None else DomainTokenizer.load(task.tokenizer)
    result = append(
        task.out, source, tokenizer=tokenizer, rewrite=rewrite, memory=task.memory, threads=task.threads,
        temporary=task.temporary, on_bad_rows=task.on_bad_rows, progress=bar,
    )  # fmt: skip
    used = DomainTokenizer.load(task.out / "tokenizer")
    return encoding_summary(result, used, None, sample=not task.given.files, appended=True)


def _on_spark(task: Task, shards: int | None, master: str | None, overwrite: bool) -> dict[str, Any]:
    from domaintoolkit.cli.spark import open_rows, spark_session
    from domaintoolkit.cli.summary import encoding_summary
    from domaintoolkit.jobs import encode_spark, fit_spark
    from domaintoolkit.tokenizer import DomainTokenizer

    domain = task.given.domain()
    loaded = None if task.tokenizer is None else DomainTokenizer.load(task.tokenizer)
    with spark_session(master) as session:
        rows = open_rows(session, task.given, domain)
        tokenizer = _resumed(task.out, domain.schema) if loaded is None else loaded
        fitted = None
        if tokenizer is None:
            fitted = fit_spark(domain.schema, rows, on_bad_rows=task.on_bad_rows)
            tokenizer = fitted.tokenizer
        if overwrite:
            _remove_encoded(task.out)
        result = encode_spark(tokenizer, rows, task.out, shards=shards, on_bad_rows=task.on_bad_rows)
    return encoding_summary(result, tokenizer, fitted, sample=False)


def _resumed(folder: Path, schema: Any) -> DomainTokenizer | None:
    """The tokenizer of an encoding that was interrupted after its input was read: it is not fitted again."""
    from domaintoolkit.storage.resume_state import STATE, ResumeState
    from domaintoolkit.tokenizer import DomainTokenizer

    if not (folder / STATE).exists() or not ResumeState.load(folder).shards:
        return None
    tokenizer = DomainTokenizer.load(folder / "tokenizer")
    return tokenizer if tokenizer.schema == schema else None


def _remove_encoded(folder: Path) -> None:
    """Remove what an earlier encoding has written, and nothing else."""
    from domaintoolkit.storage.resume_state import discard

    if (folder / "manifest.json").exists():
        discard(folder)
        (folder / "quarantine.csv").unlink(missing_ok=True)
