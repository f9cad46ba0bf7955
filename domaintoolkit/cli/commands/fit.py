"""`domaintoolkit fit`"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from domaintoolkit.cli.options import (
    as_json,
    composites_option,
    example,
    on_bad_rows_option,
    overwrite_option,
    print_json,
    rows_options,
    threads_option,
)
from domaintoolkit.cli.output import free_folder, show_notes
from domaintoolkit.cli.progress import Bar
from domaintoolkit.cli.row_options import Given

if TYPE_CHECKING:
    from domaintoolkit.jobs import FitResult

__all__ = ["command"]

HEAVIEST = 10
OnBadRows = Literal["error", "quarantine"]

EXAMPLES = example(
    "domaintoolkit fit --domain ecommerce 2019-Oct.csv.gz -o shop-tokenizer",
    "domaintoolkit fit --domain ecommerce --composites 4000",
    "domaintoolkit fit --extend shop-tokenizer --domain ecommerce 2019-Nov.csv.gz",
)


@click.command("fit", epilog=EXAMPLES)
@rows_options
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR",
    help="The folder of the tokenizer.  [default: NAME-tokenizer, here; with --extend, where it was]",
)  # fmt: skip
@click.option(
    "--extend", "extended", type=click.Path(path_type=Path), metavar="DIR",
    help="Add what the rows bring that is new to the tokenizer in DIR. No id moves.",
)  # fmt: skip
@click.option("--all-entities", is_flag=True, help="Learn from all entities, not only from those for training.")
@composites_option
@on_bad_rows_option
@threads_option
@overwrite_option
@as_json
def command(
    given: Given,
    out: Path | None,
    extended: Path | None,
    all_entities: bool,
    composites: int | None,
    on_bad_rows: OnBadRows,
    threads: int | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Learn a tokenizer from a table, without encoding it.

    FILES are read as `encode` reads them; without any, the domain's own simulated sample. Rows that cannot be
    encoded are passed over with --on-bad-rows quarantine; encoding sets them aside.
    """
    given = given if extended is not None else replace(given, composites=composites)
    given.check()
    folder = out or extended or Path(f"{given.name}-tokenizer")
    if folder != extended:
        hint = "already holds a tokenizer; give --overwrite to replace it, or choose another with -o"
        free_folder(folder, "vocabulary.json", overwrite, hint)
    with Bar() as bar:
        if extended is None:
            result = _fitted(given, all_entities, on_bad_rows, threads, bar)
        else:
            result = _extended(given, extended, composites, all_entities, on_bad_rows, threads, bar)
    result.tokenizer.save(folder)
    data = _summary(result, folder)
    print_json(data) if json_output else _show(data)


def _fitted(given: Given, all_entities: bool, on_bad_rows: OnBadRows, threads: int | None, bar: Bar) -> FitResult:
    from domaintoolkit.jobs import fit

    domain = given.domain()
    return fit(
        domain.schema, given.source(domain), threads=threads, on_bad_rows=on_bad_rows,
        training_only=not all_entities, progress=bar,
    )  # fmt: skip


def _extended(
    given: Given,
    extended: Path,
    composites: int | None,
    all_entities: bool,
    on_bad_rows: OnBadRows,
    threads: int | None,
    bar: Bar,
) -> FitResult:
    from domaintoolkit.jobs import extend
    from domaintoolkit.schema import Composite
    from domaintoolkit.tokenizer import DomainTokenizer

    tokenizer = DomainTokenizer.load(extended)
    declared = tokenizer.schema.composite or Composite()
    return extend(
        tokenizer, given.source_for(tokenizer.schema), threads=threads, on_bad_rows=on_bad_rows,
        training_only=not all_entities, progress=bar,
        composites=replace(declared, vocabulary_size=composites) if composites else None,
    )  # fmt: skip


def _summary(result: FitResult, folder: Path) -> dict[str, Any]:
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
        "composites": _composites(result),
        "fields": {spec.name: sizes[spec.name] for spec in (*schema.static, *schema.fields)},
    }


def _composites(result: FitResult) -> dict[str, Any]:
    from domaintoolkit.composite import heaviest

    tokenizer, model = result.tokenizer, result.tokenizer.composites
    if model is None:
        return {"count": 0, "entities": 0, "heaviest": []}
    heavy = heaviest(model, tokenizer.vocabulary.names, tokenizer.grammar, HEAVIEST)
    return {"count": len(model), "entities": result.composite_entities, "heaviest": [asdict(each) for each in heavy]}


def _show(data: dict[str, Any]) -> None:
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
    notes = [] if data["fitted_on"] == "train" else ["these are all entities, not only those for training"]
    show_notes(screen, notes)
    screen.line(f"written to {data['out']}")
