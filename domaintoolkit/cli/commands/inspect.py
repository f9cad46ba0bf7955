"""`domaintoolkit inspect`"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import AtLeast, format_examples, json_option, overwrite_option, print_json, reads_tables
from domaintoolkit.cli.output import check_output_file
from domaintoolkit.cli.pipes import is_pipe, writing
from domaintoolkit.errors import ArtifactError

if TYPE_CHECKING:
    from domaintoolkit.report import History
    from domaintoolkit.tokenizer import DomainTokenizer
    from domaintoolkit.vocabulary import Vocabulary

__all__ = ["command", "history_data"]

EXAMPLES = format_examples(
    "domaintoolkit inspect ecommerce-streams",
    "domaintoolkit inspect ecommerce-streams --entity 541312140 --html history.html",
    "domaintoolkit inspect ecommerce-streams/tokenizer",
)

SHOWN = 20
"""Events or composites on the terminal, without --limit."""


@click.command("inspect", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--entity", "-e", "key", multiple=True, metavar="KEY",
    help="Key of the entity; once per key column.  [default: the folder's first entity]",
)  # fmt: skip
@click.option(
    "--html", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the history to an HTML page; - is standard output.",
)  # fmt: skip
@click.option(
    "--limit", type=AtLeast(1), metavar="N",
    help="Show at most N events, or composites.  [default: 20 on the terminal, all on a page and in JSON]",
)  # fmt: skip
@overwrite_option
@json_option
@reads_tables()
def command(
    folder: Path, key: tuple[str, ...], html: Path | None, limit: int | None, overwrite: bool, json_output: bool
) -> None:
    """Show the tokens of one entity's history, event by event.

    OUT is an encoded folder. If it is the folder of a tokenizer, show its vocabulary and its composites.
    """
    if html is not None:
        check_output_file(html, overwrite)
        if is_pipe(html) and json_output:
            raise click.UsageError("--html - and --json both write to standard output; drop one of them")
    from domaintoolkit.storage.manifest import MANIFEST, STATE

    if (folder / MANIFEST).exists() or (folder / STATE).exists():
        _inspect_history(folder, key, html, limit, json_output)
    elif (folder / "vocabulary.json").exists():
        if key or html:
            raise click.UsageError(f"--entity and --html need an encoded folder; {folder} is a tokenizer")
        _inspect_vocabulary(folder, limit, json_output)
    else:
        reason = "is neither an encoded folder nor a tokenizer" if folder.exists() else "does not exist"
        raise ArtifactError(str(folder), reason)


def _inspect_history(
    folder: Path, key: tuple[str, ...], html: Path | None, limit: int | None, json_output: bool
) -> None:
    from domaintoolkit.report import Screen, find_stream, first_stream, pluralize
    from domaintoolkit.storage import open_encoded
    from domaintoolkit.tokenizer import DomainTokenizer

    encoded = open_encoded(folder)
    tokenizer = DomainTokenizer.load(encoded.tokenizer_folder)
    entity = tokenizer.schema.entity
    stream = find_stream(encoded, entity, key) if key else first_stream(encoded, entity)
    if stream is None:
        raise ArtifactError(str(folder), "holds no streams")
    history = stream.history(tokenizer, limit)
    ids = stream.ids[: history.tokens].tolist()
    if html is not None:
        _write_page(history, tokenizer, html)
    if json_output:
        print_json(history_data(history, ids))
        return
    if html is not None and is_pipe(html):
        return
    screen = Screen()
    screen.line(", ".join(f"{name} {value}" for name, value in history.entity.items()))
    screen.line(f"{history.split}, {pluralize(stream.events, 'event')}, {len(stream.ids):,} tokens")
    screen.history(history, limit or SHOWN)
    if html is not None:
        screen.line(f"written to {html}")


def _write_page(history: History, tokenizer: DomainTokenizer, html: Path) -> None:
    from domaintoolkit.report import history_page
    from domaintoolkit.util.partials import write_atomic

    with writing(html, ".html") as file:
        write_atomic(file, history_page(history, len(tokenizer.vocabulary)).encode())


def history_data(history: History, ids: list[int]) -> dict[str, Any]:
    """A history as JSON data; values that JSON cannot hold become text."""
    return {
        "entity": {name: _to_plain(value) for name, value in history.entity.items()},
        "split": history.split,
        "header": [shown.name for cell in history.header for shown in cell.tokens],
        "events": [
            {
                "time": _to_plain(event.time),
                "tokens": [shown.name for cell in event.cells for shown in cell.tokens],
                "composites": None if event.segmented is None else [shown.name for shown in event.segmented],
                "values": {cell.field: _to_plain(cell.value) for cell in event.cells if cell.field is not None},
                "labels": {name: _to_plain(value) for name, value in event.labels.items()},
            }
            for event in history.events
        ],
        "ids": ids,
        "events_left_out": history.left_out,
    }


def _to_plain(value: Any) -> Any:
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _inspect_vocabulary(folder: Path, limit: int | None, json_output: bool) -> None:
    from domaintoolkit.tokenizer import DomainTokenizer
    from domaintoolkit.vocabulary import Vocabulary

    tokenizer = DomainTokenizer.load(folder) if (folder / "tokenizer.json").exists() else None
    vocabulary = Vocabulary.load(folder) if tokenizer is None else tokenizer.vocabulary
    composites = [] if tokenizer is None else _composites(tokenizer)
    kinds = Counter((token.kind, token.field) for token in vocabulary)
    rows = [{"kind": kind, "field": field, "tokens": count} for (kind, field), count in kinds.items()]
    data = {
        "vocabulary_size": len(vocabulary),
        "vocabulary_hash": vocabulary.hash,
        "generations": [list(generation) for generation in vocabulary.generations],
        "tokens": rows,
        "composites": composites,
    }
    if json_output:
        print_json({**data, "composites": composites[:limit]})
    else:
        _show_vocabulary(vocabulary, data, limit or SHOWN)


def _composites(tokenizer: DomainTokenizer) -> list[dict[str, Any]]:
    """The composites of a tokenizer, the most frequent first."""
    vocabulary, model = tokenizer.vocabulary, tokenizer.composites
    if model is None:
        return []
    order = (-model.counts).argsort(kind="stable").tolist()
    return [
        {
            "token": vocabulary.names[model.ids[k]],
            "id": int(model.ids[k]),
            "base_tokens": len(model.pieces[k]),
            "made": int(model.counts[k]),
            "weight": float(model.weights[k]),
        }
        for k in order
    ]


def _show_vocabulary(vocabulary: Vocabulary, data: dict[str, Any], limit: int) -> None:
    from domaintoolkit.report import Screen, pluralize

    screen = Screen()
    sizes = " -> ".join(f"{size:,}" for size, _ in vocabulary.generations)
    screen.facts([("vocabulary", f"{len(vocabulary):,} tokens"), ("generations", sizes), ("hash", vocabulary.hash)])
    screen.line()
    rows = [
        (row["kind"], row["field"] or "", f"{row['tokens']:,}", _first_names(vocabulary, row)) for row in data["tokens"]
    ]
    screen.table(("kind", "field", "tokens", "first tokens"), rows)
    found = data["composites"]
    if found:
        screen.line()
        screen.table(
            ("composite", "base tokens", "made", "weight"),
            [
                (row["token"], str(row["base_tokens"]), f"{row['made']:,}", f"{row['weight']:.1f}")
                for row in found[:limit]
            ],
        )
        if len(found) > limit:
            screen.line(f"... and {pluralize(len(found) - limit, 'more composite')}")


def _first_names(vocabulary: Vocabulary, row: dict[str, Any]) -> str:
    names = (token.name for token in vocabulary if (token.kind, token.field) == (row["kind"], row["field"]))
    return " ".join(name for _, name in zip(range(4), names, strict=False))
