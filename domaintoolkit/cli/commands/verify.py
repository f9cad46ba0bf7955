"""`domaintoolkit verify`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import (
    Limits,
    format_examples,
    json_option,
    limit_options,
    print_json,
    reads_tables,
    row_options,
)
from domaintoolkit.cli.row_options import RowOptions
from domaintoolkit.display import ProgressBar

if TYPE_CHECKING:
    from domaintoolkit.jobs import VerifyResult

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit verify shop 2019-Oct.csv.gz 2019-Nov.csv.gz",
    "domaintoolkit verify ecommerce-streams --domain ecommerce",
    "domaintoolkit verify shop-model",
)


@click.command("verify", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@row_options
@limit_options
@json_option
@reads_tables()
def command(folder: Path, rows: RowOptions, limits: Limits, json_output: bool) -> None:
    """Check the round trip on your own rows.

    Read FILES again, as `encode` read them for OUT, and check that the shards have their checksums, that the
    rows encode to the streams, that the streams decode to the rows, and that the decoded rows encode to the
    streams. Without FILES, the rows are the sample of --domain. OUT may also be the folder of a training run,
    or of a tokenizer: then every file is compared with its checksum. The exit status is 1 if a check fails.
    """
    from domaintoolkit.jobs import verify
    from domaintoolkit.storage import open_encoded

    rows.check()
    if (folder / "run.json").exists() or (folder / "tokenizer.json").exists():
        _verify_files(folder, rows, json_output)
        return
    encoded = open_encoded(folder, verify=False)
    source = rows.open_for_folder(encoded)
    with ProgressBar() as bar:
        result = verify(folder, source, progress=bar, **limits.as_arguments())
    data = _summarize(result, folder, {spec["name"] for spec in encoded.manifest.schema.get("static", ())})
    print_json(data) if json_output else _show(data)
    if not result.holds:
        raise SystemExit(1)


def _verify_files(folder: Path, rows: RowOptions, json_output: bool) -> None:
    """Check the folder of a run or of a tokenizer, which has no rows."""
    if rows.files or rows.has_schema:
        raise click.UsageError(f"{folder} holds no streams to compare with rows; drop FILES, --domain and --schema")
    data: dict[str, Any] = {"out": str(folder), "holds": True}
    if (folder / "run.json").exists():
        from domaintoolkit.train import verify_run

        report = verify_run(folder)
        data |= {"files": report.files, "checkpoints": report.steps, "result": report.result}
    else:
        from domaintoolkit.tokenizer import DomainTokenizer

        data["vocabulary_hash"] = DomainTokenizer.load(folder).vocabulary.hash
    if json_output:
        print_json(data)
        return
    click.echo("every file is as it was written")
    if "files" in data:
        steps = ", ".join(f"{step:,}" for step in data["checkpoints"]) or "none"
        click.echo(f"{data['files']:,} files; checkpoints of steps: {steps}")
        result = data["result"]
        click.echo("the run is not finished" if result is None else f"verdict: {result['comparison']['verdict']}")


def _summarize(result: VerifyResult, folder: Path, statics: set[str]) -> dict[str, Any]:
    report = result.report
    counts = report.counts.fields
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
            name: {**asdict(each), "static": name in statics, **counts.get(name, {})}
            for name, each in report.fields.items()
        },
    }


def _show(data: dict[str, Any]) -> None:
    from domaintoolkit.report import Screen, percent

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
        *([("set aside", f"{data['rows_set_aside']:,}")] if data["rows_set_aside"] else []),
        *([("rows left out", f"{data['rows_left_out']:,}")] if data["rows_left_out"] else []),
        ("events", f"{data['events']:,}, of {data['entities']:,} entities"),
    ])  # fmt: skip
    screen.line()
    if data["holds"]:
        screen.line("the round trip holds: every checksum matches, every history encodes to its stream,")
        screen.line("every value comes back as the table shows, and encode(decode(ids)) == ids for every stream")
        if data["streams_through_composites"]:
            screen.line("composites, greedy and spr, expand to exactly the base tokens")
    for problem in data["problems"]:
        screen.line(f"failed: {problem}")
