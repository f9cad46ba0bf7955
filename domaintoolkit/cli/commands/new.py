"""`domaintoolkit new`"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import add_options, bundle, format_examples, json_option, overwrite_option, print_json
from domaintoolkit.cli.output import check_output_folder
from domaintoolkit.cli.pipes import keep_input

if TYPE_CHECKING:
    from domaintoolkit.proposal import Proposal, Question, UserChoices
    from domaintoolkit.proposal.package import Names

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit new shop --from 2019-Oct.csv.gz --install",
    "domaintoolkit new shop --from 2019-Oct.csv.gz 2019-Nov.csv.gz --yes --schema-only > shop.toml",
    "domaintoolkit new trips --from trips/ --entity vehicle --time pickup_date,pickup_time --day-first",
)
FOR_EDITORS = "For editors that complete it:\n# domaintoolkit domains --json-schema > domaintoolkit.schema.json"
FULL = "already holds a distribution; give --overwrite to replace it, or choose another folder with -o"
KINDS = ("categorical", "numeric", "text", "timestamp")


@dataclass(frozen=True, slots=True)
class Said:
    """The choices that the user makes up front."""

    entity: str | None
    time: str | None
    session: str | None
    order_by: str | None
    labels: tuple[str, ...]
    static: tuple[str, ...]
    left_out: tuple[str, ...]
    encoders: tuple[str, ...]
    day_first: bool | None
    zone: str | None
    encoding: str | None
    delimiter: str | None

    def as_choices(self) -> UserChoices:
        """The choices as the proposal takes them."""
        from domaintoolkit.proposal import UserChoices

        encoders = {}
        for text in self.encoders:
            name, equals, kind = text.rpartition("=")
            if not equals or kind not in KINDS:
                raise click.UsageError(f"--encoder takes COLUMN=KIND with one of {', '.join(KINDS)}, got {text!r}")
            encoders[name] = kind
        return UserChoices(
            entity=_split(self.entity), time=_split(self.time), session=self.session, order_by=_split(self.order_by),
            labels=self.labels or None, static=self.static, left_out=self.left_out,
            encoders=encoders,  # type: ignore[arg-type]
            day_first=self.day_first, zone=self.zone, encoding=self.encoding,
            delimiter="\t" if self.delimiter == "\\t" else self.delimiter,
        )  # fmt: skip


def _split(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(","))


def choice_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that decide a choice up front; the command takes them as `said`."""
    return add_options(
        bundle(function, Said, "said"),
        click.option("--entity", metavar="COLUMN", help="The column that says who did it; or several, with commas."),
        click.option("--time", metavar="COLUMN", help="The column of the time, or several that make it; or `none`."),
        click.option("--session", metavar="COLUMN", help="The column whose change begins a session; or `none`."),
        click.option("--order-by", metavar="COLUMN", help="The columns that order events of one time; or `none`."),
        click.option("--label", "labels", multiple=True, metavar="COLUMN", help="A column to predict; or `none`."),
        click.option("--static", multiple=True, metavar="COLUMN", help="A column that belongs to the entity."),
        click.option("--leave-out", "left_out", multiple=True, metavar="COLUMN", help="A column to leave out."),
        click.option(
            "--encoder", "encoders", multiple=True, metavar="COLUMN=KIND",
            help="Encode a column as categorical, numeric, text or timestamp. Repeatable.",
        ),
        click.option("--day-first/--month-first", default=None, help="The order in dates such as 03/04/2024."),
        click.option("--zone", metavar="ZONE", help="Time zone of times that name none, such as Europe/Berlin."),
        click.option("--encoding", metavar="NAME", help="Encoding of the text.  [default: found]"),
        click.option("--delimiter", metavar="CHAR", help="Column separator of CSV files.  [default: found]"),
    )  # fmt: skip


@click.command("new", epilog=EXAMPLES)
@click.argument("name", metavar="NAME")
@click.argument("more", nargs=-1, type=click.Path(readable=False), metavar="[FILES]...")
@click.option(
    "--from", "files", multiple=True, required=True, type=click.Path(readable=False), metavar="FILES",
    help="Files, folders or patterns with rows of the table; more can follow.",
)  # fmt: skip
@click.option("--yes", is_flag=True, help="Ask nothing; take the likeliest answer to each question.")
@click.option("--schema-only", is_flag=True, help="Print the schema and the reader as TOML, and write no plugin.")
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="DIR",
    help="Folder of the plugin.  [default: NAME-domain in the current folder]",
)  # fmt: skip
@click.option("--install", is_flag=True, help="Install the plugin, and run `encode` and `verify` with it.")
@overwrite_option
@json_option
@choice_options
def command(
    name: str,
    more: tuple[str, ...],
    files: tuple[str, ...],
    yes: bool,
    schema_only: bool,
    out: Path | None,
    install: bool,
    overwrite: bool,
    json_output: bool,
    said: Said,
) -> None:
    """Propose a domain for a table, and write a plugin with it.

    Looks at rows that are spread over all FILES, and says for each column what becomes of it and why. On a
    terminal, it asks what the rows do not decide. Options decide it up front; columns are named by their headers.

    The plugin is a distribution of its own, with a simulated sample, a recipe, a data card and tests. It holds no row
    of the table.
    """
    from domaintoolkit.proposal import write_toml
    from domaintoolkit.proposal.package import Names, write_distribution

    paths = tuple(str(keep_input(Path(path))) for path in (*files, *more))
    if schema_only and (install or out is not None):
        raise click.UsageError("--schema-only prints the schema and writes nothing; drop it, or --install and --out")
    names = Names(name)
    folder = out or Path(names.distribution)
    if not schema_only:
        _check_name(names)
        check_output_folder(folder, "pyproject.toml", overwrite, FULL)
    proposal = _decide(paths, said.as_choices(), yes)
    if schema_only:
        described = f"The schema of {name}, proposed from {proposal.rows:,} rows. {FOR_EDITORS}"
        toml = write_toml(proposal, described)
        print_json(_summarize(name, proposal) | {"toml": toml}) if json_output else click.echo(toml, nl=False)
        return
    written = write_distribution(proposal, names, paths, folder, overwrite)
    if json_output:
        print_json(_summarize(name, proposal) | {"out": str(folder), "files": written})
    else:
        _show(proposal)
        _show_files(folder, written)
    if install:
        _install(names, folder, paths, proposal)
    elif not json_output:
        _show_next(names, folder, paths, proposal, is_installed=False)


def _check_name(names: Names) -> None:
    """Refuse the name of a domain that another distribution has."""
    from domaintoolkit.registry import list_domains

    # an earlier distribution of this name has the module too, and may be replaced
    if names.domain in list_domains().domains and find_spec(names.module) is None:
        raise click.UsageError(f"a domain {names.domain!r} is installed already; choose another NAME")


def _show_files(folder: Path, written: list[str]) -> None:
    click.echo(f"\n{len(written)} files written to {folder}: {', '.join(written)}")


def _encode_arguments(names: Names, paths: tuple[str, ...], proposal: Proposal) -> list[str]:
    refuses = ["--on-bad-rows", "quarantine"] if proposal.refused > 0 else []
    return ["encode", "--domain", names.domain, *paths, *refuses, "-o", f"{names.domain}-streams"]


def _install(names: Names, folder: Path, paths: tuple[str, ...], proposal: Proposal) -> None:
    """Install the distribution, encode the files and verify the streams; a failure ends the command."""
    from domaintoolkit.proposal.package import install, run_domaintoolkit

    install(folder)
    click.echo(f"\ninstalled {names.distribution}", err=True)
    encode = _encode_arguments(names, paths, proposal)
    for arguments in (encode, ["verify", f"{names.domain}-streams", *paths]):
        click.echo(f"\n$ domaintoolkit {shlex.join(arguments)}", err=True)
        status = run_domaintoolkit(arguments)
        if status:
            raise SystemExit(status)
    _show_next(names, folder, paths, proposal, is_installed=True)


def _show_next(names: Names, folder: Path, paths: tuple[str, ...], proposal: Proposal, is_installed: bool) -> None:
    """The commands that come next, to copy."""
    streams = f"{names.domain}-streams"
    encode = _encode_arguments(names, paths, proposal)
    lines = [] if is_installed else [
        f"pip install -e {shlex.quote(str(folder))}",
        f"domaintoolkit {shlex.join(encode)}",
        f"domaintoolkit {shlex.join(['verify', streams, *paths])}",
    ]  # fmt: skip
    lines += [
        f"domaintoolkit inspect {streams}",
        f"domaintoolkit check {names.domain}",
        f"domaintoolkit train {streams} --domain {names.domain}",
    ]
    click.echo("\nnext:", err=True)
    for line in lines:
        click.echo(f"  {line}", err=True)


def _decide(files: tuple[str, ...], answers: UserChoices, yes: bool) -> Proposal:
    """The proposal once nothing is open, or the likeliest answers are taken."""
    from domaintoolkit.proposal import propose

    while True:
        proposal = propose(files, answers)
        needed = [question for question in proposal.questions if question.is_needed]
        if yes and needed:
            raise click.UsageError(f"{needed[0].text} Give {_options(needed[0])}")
        if yes or not proposal.questions:
            return proposal
        if not _is_terminal():
            listed = "\n".join(f"  {each.text} Give {_options(each)}" for each in proposal.questions)
            raise click.UsageError(f"the rows do not decide everything; answer, or give --yes:\n{listed}")
        answers = _ask(proposal.questions[0], answers)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _options(question: Question) -> str:
    if question.key == "day_first":
        return "--day-first or --month-first"
    return " or ".join(f"--{question.key.replace('_', '-')} {answer}" for answer, _ in question.options)


def _ask(question: Question, answers: UserChoices) -> UserChoices:
    click.echo(question.text, err=True)
    for number, (answer, meaning) in enumerate(question.options, 1):
        shown = meaning if question.key == "day_first" else f"{answer}: {meaning}"
        click.echo(f"  {number}  {shown}", err=True)
    number = click.prompt("Number", type=click.IntRange(1, len(question.options)), default=1, err=True)
    answer = question.options[number - 1][0]
    if question.key == "day_first":
        return replace(answers, day_first=answer == "true")
    return replace(answers, **{question.key: tuple(answer.split(","))})  # type: ignore[arg-type]


def _summarize(name: str, proposal: Proposal) -> dict[str, Any]:
    return {
        "name": name,
        "rows_looked_at": proposal.rows,
        "rows": proposal.total,
        "share_refused": proposal.refused,
        "columns": [asdict(column) for column in proposal.columns],
        "notes": list(proposal.notes),
        "questions": [asdict(question) for question in proposal.questions],
    }


def _show(proposal: Proposal) -> None:
    from domaintoolkit.report import Screen

    screen = Screen()
    of = "" if proposal.rows >= proposal.total else f" of about {proposal.total:,}"
    screen.line(f"looked at {proposal.rows:,}{of} rows")
    screen.line()
    rows = [(each.header or '""', each.role, each.encoder, each.reason) for each in proposal.columns]
    screen.table(("column", "role", "encoder", "reason"), rows)
    screen.line()
    for note in proposal.notes:
        screen.line(f"note: {note}")
