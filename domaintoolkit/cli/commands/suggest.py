"""`domaintoolkit suggest`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import format_examples, json_option, overwrite_option, print_json, reads_tables
from domaintoolkit.cli.output import check_output_ending, check_output_file
from domaintoolkit.cli.pipes import is_pipe, writing

if TYPE_CHECKING:
    from domaintoolkit.suggest import Suggestion, Suggestions

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit suggest ecommerce-streams",
    "domaintoolkit suggest shop -o better.toml && domaintoolkit encode --schema better.toml shop.csv -o shop-2",
)


@click.command("suggest", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the schema with all changes to a .toml file; - is standard output.",
)  # fmt: skip
@overwrite_option
@json_option
@reads_tables()
def command(folder: Path, out: Path | None, overwrite: bool, json_output: bool) -> None:
    """Say what to change in a schema, from what it encoded.

    OUT is an encoded folder. Each change is shown with its reason, the share of tokens that it saves and the field's
    table in TOML: fields that are constant, identifiers or facts of the entity, texts that are categories, values that
    are spelled too often, tokens for values that occur once, buckets that are nearly empty, parts of times that never
    change.
    """
    from domaintoolkit.suggest import apply_suggestions, suggest
    from domaintoolkit.util.partials import write_atomic

    if out is not None:
        check_output_ending("--out", out, (".toml",))
        check_output_file(out, overwrite)
    found = suggest(folder)
    if out is not None:
        with writing(out, ".toml") as file:
            write_atomic(file, apply_suggestions(found.schema, found.found).to_toml().encode())
        if is_pipe(out):
            return
    if json_output:
        print_json({"out": str(folder), "events": found.events, "events_read": found.read, "note": found.note,
                    "suggestions": [_as_data(each) for each in found.found]})  # fmt: skip
        return
    _show(folder, found)
    if out is not None:
        click.echo(f"\nwritten to {out}")


def _show(folder: Path, found: Suggestions) -> None:
    from domaintoolkit.errors import pluralize, printable

    if found.note:
        click.echo(printable(f"{folder}: {found.note}"))
        return
    count = pluralize(len(found.found), "change") if found.found else "nothing to change"
    click.echo(printable(f"{folder}: {count}, by {found.read:,} of {found.events:,} events"))
    for each in found.found:
        saved = f"; saves about {each.saved:.0%} of the tokens" if each.saved >= 0.005 else ""
        click.echo(printable(f"\n{each.field.name}: {each.rule}\n  {each.finding}\n  {each.advice}{saved}"))
        click.echo(printable("".join(f"    {line}\n" for line in each.toml.rstrip().splitlines())), nl=False)


def _as_data(each: Suggestion) -> dict[str, Any]:
    return {
        "field": each.field.name,
        "rule": each.rule,
        "finding": each.finding,
        "advice": each.advice,
        "saved": round(each.saved, 4),
        "toml": each.toml,
    }
