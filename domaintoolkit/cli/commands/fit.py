"""`domaintoolkit fit`"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import (
    composites_option,
    format_examples,
    json_option,
    memory_option,
    on_bad_rows_option,
    overwrite_option,
    print_json,
    reads_tables,
    row_options,
    threads_option,
)
from domaintoolkit.cli.output import check_output_folder
from domaintoolkit.cli.row_options import RowOptions
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.jobs import FitResult
    from domaintoolkit.tokenizer import OnBadRows

__all__ = ["command"]

HEAVIEST = 10
"""Composites that the summary shows."""

EXAMPLES = format_examples(
    "domaintoolkit fit --domain ecommerce 2019-Oct.csv.gz -o shop-tokenizer",
    "domaintoolkit fit --domain ecommerce --composites 4000",
    "domaintoolkit fit --extend shop-tokenizer --domain ecommerce 2019-Nov.csv.gz",
)


@click.command("fit", epilog=EXAMPLES)
@row_options
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of the tokenizer.  [default: NAME-tokenizer in the current folder; the --extend folder]",
)  # fmt: skip
@click.option(
    "--extend", "extended", type=click.Path(path_type=Path), metavar="DIR",
    help="Extend the tokenizer in DIR with new values; existing ids stay the same.",
)  # fmt: skip
@click.option("--all-entities", is_flag=True, help="Fit on all entities, not only on those of the training split.")
@click.option(
    "--counts/--no-counts", default=None,
    help="Save the counts of all values, which `merge` of the library adds to.  [default: if under 16 MiB]",
)  # fmt: skip
@composites_option
@on_bad_rows_option
@memory_option
@threads_option
@overwrite_option
@json_option
@reads_tables()
def command(
    rows: RowOptions,
    out: Path | None,
    extended: Path | None,
    all_entities: bool,
    counts: bool | None,
    on_bad_rows: OnBadRows,
    memory: str,
    threads: int | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Fit a tokenizer on a table, without encoding it.

    FILES are read as `encode` reads them; without FILES, the rows are the domain's simulated sample. With
    `--on-bad-rows quarantine`, rows that cannot be encoded are skipped; `encode` then writes them to a file.
    """
    rows.check()
    folder = out or extended or Path(f"{rows.name}-tokenizer")
    if folder != extended:
        hint = "already holds a tokenizer; give --overwrite to replace it, or choose another with -o"
        check_output_folder(folder, "vocabulary.json", overwrite, hint)
    with ProgressBar() as bar:
        settings = {
            "memory": memory,
            "threads": threads,
            "on_bad_rows": on_bad_rows,
            "training_only": not all_entities,
            "progress": bar,
        }
        result = _fit(rows, settings) if extended is None else _extend(rows, extended, settings)
    result.tokenizer.save(folder, "auto" if counts is None else counts)
    data = _summarize(result, folder)
    print_json(data) if json_output else _show(data)


def _fit(rows: RowOptions, settings: dict[str, Any]) -> FitResult:
    from domaintoolkit.jobs import fit

    domain = rows.load_domain()
    return fit(domain.schema, rows.open_for_domain(domain), **settings)


def _extend(rows: RowOptions, extended: Path, settings: dict[str, Any]) -> FitResult:
    from domaintoolkit.jobs import extend
    from domaintoolkit.schema import Composite
    from domaintoolkit.tokenizer import DomainTokenizer

    tokenizer = DomainTokenizer.load(extended)
    declared = tokenizer.schema.composite or Composite()
    composites = replace(declared, vocabulary_size=rows.composites) if rows.composites else None
    return extend(tokenizer, rows.open_for_schema(tokenizer.schema), composites=composites, **settings)


def _summarize(result: FitResult, folder: Path) -> dict[str, Any]:
    vocabulary = result.tokenizer.vocabulary
    schema = result.tokenizer.schema
    sizes = Counter(token.field for token in vocabulary if token.field is not None)
    return {
        "out": str(folder),
        "vocabulary_size": len(vocabulary),
        "vocabulary_hash": vocabulary.hash,
        "generations": [list(generation) for generation in vocabulary.generations],
        "rows_in": result.rows_in,
        "rows_refused": result.rows_refused,
        "rows_fitted": result.rows_fitted,
        "fitted_on": result.fitted_on,
        "known": result.known,
        "composites": _summarize_composites(result),
        "fields": {spec.name: sizes[spec.name] for spec in (*schema.static, *schema.fields)},
    }


def _summarize_composites(result: FitResult) -> dict[str, Any]:
    from domaintoolkit.composite import heaviest

    tokenizer, model = result.tokenizer, result.tokenizer.composites
    if model is None:
        return {"count": 0, "entities": 0, "cut": False, "heaviest": []}
    heavy = heaviest(model, tokenizer.vocabulary.names, tokenizer.grammar, HEAVIEST)
    return {
        "count": len(model),
        "entities": result.composite_entities,
        "cut": result.composites_cut,
        "heaviest": [asdict(each) for each in heavy],
    }


def _show(data: dict[str, Any]) -> None:
    from domaintoolkit.cli.summary import tell_cut
    from domaintoolkit.report import Screen

    screen = Screen()
    who = "training entities" if data["fitted_on"] == "train" else "all entities"
    sizes = [size for size, _ in data["generations"]]
    screen.facts([
        ("rows in", f"{data['rows_in']:,}"),
        ("rows refused", f"{data['rows_refused']:,}"),
        ("fitted on", f"{data['rows_fitted']:,} rows of {who}"),
        ("vocabulary", f"{data['vocabulary_size']:,} tokens"),
        *([("generations", " -> ".join(f"{size:,}" for size in sizes))] if len(sizes) > 1 else []),
    ])  # fmt: skip
    screen.line()
    screen.table(("field", "tokens"), [(name, f"{size:,}") for name, size in data["fields"].items()])
    screen.line()
    composites = data["composites"]
    if composites["count"]:
        screen.line(
            f"{composites['count']:,} composites, learned on {composites['entities']:,} entities; the heaviest:"
        )
        rows = [(f"{each['weight']:,.1f}", f"{each['count']:,}", each["name"]) for each in composites["heaviest"]]
        screen.table(("weight", "count", "composite"), rows)
        screen.line()
    if data["fitted_on"] != "train":
        screen.line("note: fitted on all entities, not only on those of the training split")
    if data["known"]:
        screen.line("note: the tokenizer was extended with these rows before; it has not changed")
    if composites["cut"]:
        screen.line(f"note: {tell_cut(composites['entities'])}")
    screen.line(f"written to {data['out']}")
