"""`domaintoolkit encode`"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import (
    AtLeast,
    Limits,
    composites_option,
    format_examples,
    json_option,
    limit_options,
    on_bad_rows_option,
    overwrite_option,
    print_json,
    reads_tables,
    row_options,
)
from domaintoolkit.cli.output import check_output_folder
from domaintoolkit.cli.row_options import RowOptions
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.jobs import EncodeResult, FitResult
    from domaintoolkit.tokenizer import DomainTokenizer, OnBadRows

__all__ = ["command"]


EXAMPLES = format_examples(
    "domaintoolkit encode --domain ecommerce",
    "domaintoolkit encode --domain ecommerce 2019-Oct.csv.gz 2019-Nov.csv.gz -o shop",
    "domaintoolkit encode --schema orders.toml orders.parquet --on-bad-rows quarantine",
    "domaintoolkit encode --domain ecommerce --composites 4000 -o shop-composites",
    "domaintoolkit encode --append -o shop 2019-Dec.csv.gz",
)


QUARANTINE = "quarantine.csv"


@dataclass(frozen=True, slots=True)
class Task:
    """The rows to encode, the folder to write, and every option of the command."""

    rows: RowOptions
    out: Path
    tokenizer: Path | None
    on_bad_rows: OnBadRows
    shards: int | None
    limits: Limits
    append: bool
    rewrite: bool
    engine: str
    master: str | None
    overwrite: bool


@click.command("encode", epilog=EXAMPLES)
@row_options
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="OUT",
    help="Folder to write.  [default: NAME-streams in the current folder]",
)  # fmt: skip
@click.option(
    "--tokenizer", "tokenizer_folder", type=click.Path(readable=False, path_type=Path), metavar="DIR",
    help="Fitted tokenizer to use.  [default: fit one on the training entities first]",
)  # fmt: skip
@composites_option
@on_bad_rows_option
@click.option("--shards", type=AtLeast(1), metavar="N", help="Number of shards.  [default: by the size of the input]")
@limit_options
@click.option("--append", is_flag=True, help="Add the events of FILES to the encoded folder OUT.")
@click.option(
    "--rewrite", is_flag=True,
    help="With --append: re-encode histories that receive late events.  [default: set late events aside]",
)  # fmt: skip
@click.option(
    "--engine", type=click.Choice(["local", "spark"]), default="local", show_default=True,
    help="The place where the work runs. `spark` also reads Parquet URIs and tables.",
)  # fmt: skip
@click.option("--master", metavar="URL", help="Spark master.  [default: Spark's own setting]")
@overwrite_option
@json_option
@reads_tables()
def command(
    rows: RowOptions,
    out: Path | None,
    tokenizer_folder: Path | None,
    on_bad_rows: OnBadRows,
    shards: int | None,
    limits: Limits,
    append: bool,
    rewrite: bool,
    engine: str,
    master: str | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Turn a table of events into token streams.

    FILES are CSV (plain, gzip or zip), Parquet or Arrow files, or folders or patterns of them. Without FILES,
    the domain's simulated sample is encoded. OUT receives the tokenizer, the streams (shards/*.arrow) and a
    manifest. To continue an interrupted run, run the same command again.
    """
    folder = out or Path(f"{rows.name}-streams")
    task = Task(rows, folder, tokenizer_folder, on_bad_rows, shards, limits, append, rewrite, engine, master, overwrite)
    _check(task)
    with ProgressBar() as bar:
        if append:
            data = _append(task, bar)
        elif engine == "spark":
            data = _encode_on_spark(task)
        else:
            data = _encode(task, bar)
    if json_output:
        print_json(data)
    else:
        from domaintoolkit.cli.summary import show_encoding

        show_encoding(data)


def _check(task: Task) -> None:
    """Refuse options that contradict each other, and an OUT that cannot be written to."""
    task.rows.check()
    if task.rows.composites is not None and (task.tokenizer is not None or task.append):
        raise click.UsageError(
            "--composites applies when a tokenizer is fitted, and this one is; `fit --extend` adds composites to it"
        )
    if task.rewrite and not task.append:
        raise click.UsageError("--rewrite needs --append")
    if task.master is not None and task.engine != "spark":
        raise click.UsageError("--master needs --engine spark")
    if task.rows.delimiter is not None and task.engine == "spark":
        raise click.UsageError("--delimiter has no effect with --engine spark; declare it in a schema file's [reader]")
    if task.append and (task.overwrite or task.shards is not None or task.engine != "local"):
        raise click.UsageError("--append extends OUT as it is; drop --overwrite, --shards and --engine spark")
    if not task.append:
        check_streams_folder(task.out, task.overwrite)


def check_streams_folder(folder: Path, overwrite: bool) -> None:
    """Check that `folder` can be written to. It may hold an unfinished encoding, which is then continued."""
    from domaintoolkit.storage.resume_state import STATE

    if not (folder / STATE).exists():
        hint = "already holds an encoded folder; give --overwrite to replace it, or choose another with -o"
        check_output_folder(folder, "manifest.json", overwrite, hint)


def _encode(task: Task, bar: ProgressBar) -> dict[str, Any]:
    from domaintoolkit.cli.summary import summarize_encoding
    from domaintoolkit.jobs import encode

    def make(folder: Path) -> tuple[EncodeResult, DomainTokenizer, FitResult | None]:
        tokenizer, source, fitted = _prepare(task, folder, bar)
        result = encode(
            tokenizer, source, folder, shards=task.shards, on_bad_rows=task.on_bad_rows, progress=bar,
            **task.limits.as_arguments(),
        )  # fmt: skip
        return result, tokenizer, fitted

    result, tokenizer, fitted = _replace_encoded(task.out, make) if task.overwrite else make(task.out)
    return summarize_encoding(result, tokenizer, fitted, sample=not task.rows.files)


def _prepare(task: Task, folder: Path, bar: ProgressBar) -> tuple[DomainTokenizer, Any, FitResult | None]:
    """The tokenizer, the rows, and the result of fitting, or None if the tokenizer was fitted before."""
    from domaintoolkit.jobs import fit
    from domaintoolkit.tokenizer import DomainTokenizer

    if task.tokenizer is not None:
        tokenizer = DomainTokenizer.load(task.tokenizer)
        return tokenizer, task.rows.open_for_schema(tokenizer.schema), None
    domain = task.rows.load_domain()
    source = task.rows.open_for_domain(domain)
    interrupted = _load_interrupted(folder, domain.schema) if task.rows.files else None
    if interrupted is not None:
        return interrupted, source, None
    limits = task.limits
    # the rows are kept in memory, since encoding goes through them again at once
    fitted = fit(
        domain.schema, source, threads=limits.threads, on_bad_rows=task.on_bad_rows, memory=limits.memory,
        keep_rows=True, progress=bar,
    )  # fmt: skip
    return fitted.tokenizer, source, fitted


def _append(task: Task, bar: ProgressBar) -> dict[str, Any]:
    from domaintoolkit.cli.summary import summarize_encoding
    from domaintoolkit.jobs import append
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    source = task.rows.open_for_folder(open_encoded(task.out, verify=False))
    tokenizer = None if task.tokenizer is None else DomainTokenizer.load(task.tokenizer)
    result = append(
        task.out, source, tokenizer=tokenizer, rewrite=task.rewrite, on_bad_rows=task.on_bad_rows, progress=bar,
        **task.limits.as_arguments(),
    )  # fmt: skip
    used = DomainTokenizer.load(task.out / "tokenizer")
    return summarize_encoding(result, used, None, sample=not task.rows.files, appended=True)


def _encode_on_spark(task: Task) -> dict[str, Any]:
    from domaintoolkit.cli.spark import open_rows, spark_session
    from domaintoolkit.cli.summary import summarize_encoding
    from domaintoolkit.jobs import encode_spark, fit_spark
    from domaintoolkit.tokenizer import DomainTokenizer

    domain = task.rows.load_domain()
    loaded = None if task.tokenizer is None else DomainTokenizer.load(task.tokenizer)
    with spark_session(task.master) as session:
        rows = open_rows(session, task.rows, domain)

        def make(folder: Path) -> tuple[EncodeResult, DomainTokenizer, FitResult | None]:
            tokenizer = _load_interrupted(folder, domain.schema) if loaded is None else loaded
            fitted = None
            if tokenizer is None:
                fitted = fit_spark(domain.schema, rows, on_bad_rows=task.on_bad_rows)
                tokenizer = fitted.tokenizer
            result = encode_spark(tokenizer, rows, folder, shards=task.shards, on_bad_rows=task.on_bad_rows)
            return result, tokenizer, fitted

        result, tokenizer, fitted = _replace_encoded(task.out, make) if task.overwrite else make(task.out)
    return summarize_encoding(result, tokenizer, fitted, sample=False)


def _load_interrupted(folder: Path, schema: Any) -> DomainTokenizer | None:
    """The tokenizer of an interrupted encoding, if its input was read to the end; it need not be fitted again."""
    from domaintoolkit.storage.resume_state import STATE, ResumeState
    from domaintoolkit.tokenizer import DomainTokenizer

    if not (folder / STATE).exists() or not ResumeState.load(folder).shards:
        return None
    tokenizer = DomainTokenizer.load(folder / "tokenizer")
    return tokenizer if tokenizer.schema == schema else None


def _replace_encoded(
    out: Path, make: Callable[[Path], tuple[EncodeResult, DomainTokenizer, FitResult | None]]
) -> tuple[EncodeResult, DomainTokenizer, FitResult | None]:
    """Make an encoded folder that replaces the one in `out` once it is whole; other files there stay."""
    from domaintoolkit.storage.manifest import MANIFEST
    from domaintoolkit.storage.replacement import FolderKind, make_anew
    from domaintoolkit.storage.resume_state import OURS, discard

    result, tokenizer, fitted = make_anew(out, FolderKind({*OURS, QUARANTINE}, MANIFEST, discard), make)
    refused = None if result.quarantine is None else out / QUARANTINE
    return replace(result, folder=out, quarantine=refused), tokenizer, fitted
