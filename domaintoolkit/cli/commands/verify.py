"""`domaintoolkit verify`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import as_json, example, limit_options, print_json, rows_options
from domaintoolkit.cli.output import percent
from domaintoolkit.cli.progress import Bar
from domaintoolkit.cli.row_options import Given

if TYPE_CHECKING:
    from domaintoolkit.jobs import VerifyResult

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit verify shop 2019-Oct.csv.gz 2019-Nov.csv.gz",
    "domaintoolkit verify ecommerce-streams --domain ecommerce",
)


@click.command("verify", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@rows_options
@limit_options
@as_json
def command(
    folder: Path, given: Given, memory: str, threads: int | None, temporary: Path | None, json_output: bool
) -> None:
    """Prove the round trip on your own rows.

    Reads FILES once more, as `encode` read them for OUT, and compares: the shards with their checksums, the
    streams with what the rows encode to, the rows with what the streams decode to, and the streams with what
    that encodes to. Without FILES, the sample of a --domain is meant. The exit status is 1 if anything does
    not hold.
    """
    from domaintoolkit.jobs import verify
    from domaintoolkit.storage import open_encoded

    given.check()
    encoded = open_encoded(folder, verify=False)
    source = given.source_of(encoded)
    with Bar() as bar:
        result = verify(folder, source, memory=memory, threads=threads, temporary=temporary, progress=bar)
    data = _summary(result, folder, {spec["name"] for spec in encoded.manifest.schema.get("static", ())})
    print_json(data) if json_output else _show(data)
    if not result.holds:
        raise SystemExit(1)


def _summary(result: VerifyResult, folder: Path, statics: set[str]) -> dict[str, Any]:
    report = result.report
    met = report.counts.fields
    return {
        "out": str(folder),
        "holds": result.holds,
        "problems": list(result.problems),
        "entities": report.streams,
        "events": report.events,
        "tokens": report.tokens,
        "streams_through_composites": report.expanded,
        "rows_in": result.rows_in,
        "rows_refused": result.rows_refused,
        "rows_set_aside": result.rows_set_aside,
        "rows_left_out": report.counts.rows_left_out,
        "fields": {
            name: {**asdict(each), "static": name in statics, **met.get(name, {})}
            for name, each in report.fields.items()
        },
    }


def _show(data: dict[str, Any]) -> None:
    from domaintoolkit.report import Screen

    screen = Screen()
    rows = []
    for name, each in data["fields"].items():
        values = data["entities"] if each["static"] else each["values"]
        numbers = [each["exact"], each["same_tokens"], each["wrong"]]
        counts = [percent(each.get(word, 0), values) for word in ("spelled", "hashed", "clipped", "missing")]
        rows.append((name, each["kind"], *(f"{number:,}" for number in numbers), *counts))
    heads = ("field", "kind", "exact", "same tokens", "wrong", "spelled", "hashed", "clipped", "missing")
    screen.table(heads, rows)
    screen.line()
    screen.facts([
        ("rows in", f"{data['rows_in']:,}"),
        ("rows refused", f"{data['rows_refused']:,}"),
        *([("of them set aside", f"{data['rows_set_aside']:,}")] if data["rows_set_aside"] else []),
        *([("rows left out", f"{data['rows_left_out']:,}")] if data["rows_left_out"] else []),
        ("events", f"{data['events']:,} of {data['entities']:,} entities"),
    ])  # fmt: skip
    screen.line()
    if data["holds"]:
        screen.line("the round trip holds: every checksum is right, every stream is what its rows encode to,")
        screen.line("every value comes back as the table says, and encode(decode(ids)) == ids for every stream")
        if data["streams_through_composites"]:
            screen.line("composites, greedy and shuffled, expand to exactly the base tokens")
    for problem in data["problems"]:
        screen.line(f"does not hold: {problem}")
