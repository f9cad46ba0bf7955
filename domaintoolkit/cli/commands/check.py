"""`domaintoolkit check`"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_domains
from domaintoolkit.cli.options import AtLeast, format_examples, json_option, print_json

if TYPE_CHECKING:
    from domaintoolkit.testing import CheckResult

__all__ = ["command"]

EXAMPLES = format_examples("domaintoolkit check ecommerce", "domaintoolkit check bikes --events 500 --examples 100")


@click.command("check", epilog=EXAMPLES)
@click.argument("name", metavar="NAME", shell_complete=complete_domains)
@click.option("--events", type=AtLeast(1), default=1_000, show_default=True, metavar="N", help="Events of the sample.")
@click.option(
    "--examples", type=AtLeast(1), default=16, show_default=True, metavar="N",
    help="Drawn tables per contract; slow contracts and wide domains get fewer.",
)  # fmt: skip
@json_option
def command(name: str, events: int, examples: int, json_output: bool) -> None:
    """Check every contract of an installed domain.

    NAME is a domain; `domains` lists them. Its sample, reader, recipe and encoders are checked, on the sample and on
    drawn tables with the sample's values and edge values. A broken contract is shown with its field, the smallest
    table found, and what to do. The exit status is 1 if a contract is broken. Needs the extra `testing`.
    """
    from domaintoolkit.registry import get_domain
    from domaintoolkit.testing import run_checks

    domain = get_domain(name)
    results = []
    for result in run_checks(domain, events=events, examples=examples):
        results.append(result)
        if not json_output:
            _show(result)
    broken = [result for result in results if not result.holds]
    if json_output:
        print_json({"domain": name, "holds": not broken, "contracts": [_as_data(result) for result in results]})
    else:
        click.echo(f"\n{_summarize(name, results)}")
    if broken:
        raise SystemExit(1)


def _show(result: CheckResult) -> None:
    """One line, and for a broken contract what is wrong below."""
    from domaintoolkit.errors import printable

    mark = _mark("-" if not result.is_checked else "\u2713" if result.holds else "\u2717")
    seconds = f"{result.seconds:6.1f} s" if result.is_checked else " " * 8
    note = f"{result.promise} ({result.remark})" if result.is_checked else result.remark
    if result.error is not None:
        note = result.error.reason
    click.echo(printable(f"{mark} {result.contract:<12} {seconds}  {note}"))
    for line in [] if result.error is None else result.error.details:
        click.echo(printable(f"{'':<24}{line}"))
    sys.stdout.flush()


def _mark(mark: str) -> str:
    """The mark, or a word if the terminal cannot show it."""
    try:
        mark.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return {"\u2713": "ok", "\u2717": "BROKEN"}[mark]
    return mark


def _summarize(name: str, results: list[CheckResult]) -> str:
    from domaintoolkit.errors import pluralize

    seconds = sum(result.seconds for result in results)
    checked = [result for result in results if result.is_checked]
    broken = [result.contract for result in checked if not result.holds]
    if broken:
        of = f"{len(broken)} of {pluralize(len(checked), 'contract')}"
        return f"{name}: {of} {'is' if len(broken) == 1 else 'are'} broken: {', '.join(broken)} ({seconds:.1f} s)"
    return f"{name}: all {pluralize(len(checked), 'contract')} hold, in {seconds:.1f} s"


def _as_data(result: CheckResult) -> dict[str, Any]:
    data: dict[str, Any] = {
        "contract": result.contract,
        "promise": result.promise,
        "checked": result.is_checked,
        "holds": result.holds if result.is_checked else None,
        "seconds": round(result.seconds, 3),
        "remark": result.remark,
    }
    if result.error is not None:
        data |= {
            "problem": result.error.reason,
            "field": result.error.field,
            "advice": result.error.advice,
            "tables": result.error.tables,
        }
    return data
