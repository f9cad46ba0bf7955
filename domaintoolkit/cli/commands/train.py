"""`domaintoolkit train`"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_domains
from domaintoolkit.cli.options import format_examples, json_option, model_threads_option, overwrite_option, print_json
from domaintoolkit.cli.pipes import keep_input
from domaintoolkit.cli.recipe_options import recipe_options
from domaintoolkit.display import LiveLine
from domaintoolkit.errors import OutputError

if TYPE_CHECKING:
    from domaintoolkit.train import Recipe

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit train --domain ecommerce",
    "domaintoolkit train shop -o shop-model --preset 24m --block 512 --steps 690 --precision bf16",
    "domaintoolkit train shop -o shop-model --resume",
)


NEXT = (
    "domaintoolkit embed {run} {streams} -o embeddings.parquet",
    "domaintoolkit generate {run} --continue {streams} --next 5",
    "domaintoolkit generate {run} --count 1000 --table simulated.parquet",
)
"""Commands that the end of a run names."""

SAMPLE = 200_000
"""Simulated events to train on: from fewer, a model memorizes the events and does not learn their order."""


@click.command("train", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[OUT]")
@click.option(
    "--domain", "-d", "domain_name", metavar="NAME", shell_complete=complete_domains,
    help="Use this domain's recipe; without OUT, encode its sample into NAME-sample-streams first.",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="RUN",
    help="Folder of the run.  [default: OUT with -model instead of -streams, in the current folder]",
)  # fmt: skip
@click.option(
    "--recipe", "recipe_file", type=click.Path(path_type=Path), metavar="FILE",
    help="TOML file of settings; - is standard input.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Continue from the run's last checkpoint, with its settings.")
@click.option("--report/--no-report", default=True, show_default=True, help="Write RUN/report.html at the end.")
@recipe_options
@partial(model_threads_option, exposed=True)
@overwrite_option
@json_option
def command(
    folder: Path | None,
    domain_name: str | None,
    out: Path | None,
    recipe_file: Path | None,
    resume: bool,
    report: bool,
    settings: dict[str, Any],
    threads: int | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Pre-train a model on token streams.

    OUT is an encoded folder. RUN receives the resolved recipe, the model, checkpoints and a comparison with
    baselines on held-out entities. Settings come from --recipe, else from the domain's own recipe, else they
    follow from the number of events; each option overrides one. To continue an interrupted run, run the same
    command again, or give --resume, which takes the settings that the run began with.
    """
    if folder is None and domain_name is None:
        raise click.UsageError("give OUT, an encoded folder, or --domain NAME to train on its sample")
    if overwrite and (resume or int(os.environ.get("WORLD_SIZE", "1")) > 1):
        raise click.UsageError("--overwrite begins anew, in one process; with --resume or several, remove RUN instead")
    streams = _encode_sample(domain_name, threads, json_output) if folder is None else folder
    from domaintoolkit.train import is_precision_emulated, replace_run, replace_settings, train

    run = out or Path(f"{streams.name.removesuffix('-streams')}-model")
    begun = run if resume and recipe_file is None else None
    declared, origin = _find_recipe(streams, begun, recipe_file or _domain_recipe(domain_name), settings)
    recipe = replace_settings(declared, **settings)
    if int(os.environ.get("RANK", "0")):
        train(streams, run, recipe, resume=resume)
        return  # only the first of several processes prints
    if is_precision_emulated(recipe):
        click.echo("note: this CPU has no bf16 arithmetic; --precision fp32 is several times faster here", err=True)
    _announce(streams, recipe, origin)
    with LiveLine() as line:
        if overwrite:
            result = replace_run(run, lambda place: train(streams, place, recipe, progress=line))
        else:
            result = train(streams, run, recipe, resume=resume or _lacks_page(run, report), progress=line)
    page = _write_page(run, streams) if report else None
    if json_output:
        seconds = round(result.seconds, 3)
        print_json({"out": str(run), "report": page and str(page), "seconds": seconds, **result.to_json()})
    else:
        click.echo(str(result))
        click.echo(f"\nwritten to {run}" + (f"; to look at it, open {page}" if page else "") + "; next:")
        for each in NEXT:
            click.echo(f"  {each.format(run=run, streams=streams)}")


def _find_recipe(streams: Path, begun: Path | None, file: Path | None, settings: dict[str, Any]) -> tuple[Recipe, str]:
    """The recipe before the options' settings, and its origin: the run that is resumed, a file, or the streams."""
    from domaintoolkit.train import load_recipe, load_run_recipe, recipe_for

    resumed = None if begun is None else load_run_recipe(begun)
    if resumed is not None:
        return resumed, "the settings that the run began with"
    if file is not None:
        return load_recipe(keep_input(file)), f"the settings of {file}"
    composites = settings.get("segmentation", "base") != "base"  # only a token model reads composites
    family = settings.get("family", "token" if composites else "event")
    return recipe_for(streams, family), "the settings of a small model"


def _write_page(run: Path, streams: Path) -> Path | None:
    """Write the page of the run. A page that cannot be made is not a reason to lose the run: then say why."""
    from domaintoolkit.cli.commands.report import write_run_page
    from domaintoolkit.errors import DomainToolkitError
    from domaintoolkit.train import PAGE

    try:
        write_run_page(run, streams, run / PAGE)
    except DomainToolkitError as error:
        click.echo(f"note: there is no page: {error}", err=True)
        return None
    return run / PAGE


def _announce(streams: Path, recipe: Recipe, origin: str) -> None:
    """Say on standard error what is about to be trained on what, and for how long."""
    from domaintoolkit.report import pluralize
    from domaintoolkit.storage import open_encoded

    manifest = open_encoded(streams, verify=False).manifest
    total, training = manifest.totals, manifest.splits.get("train", {})
    length = pluralize(recipe.steps, "step") if recipe.steps else f"{recipe.epochs or 1:g} epochs"
    batches = f"{recipe.accumulation} x " if recipe.accumulation > 1 else ""
    article = "an" if recipe.family == "event" else "a"
    if recipe.held_out == "entities" and training.get("events"):
        events = f"{training['events']:,} of {pluralize(total['events'], 'event')}"
        data = f"{events}, {training['entities']:,} of {pluralize(total['entities'], 'entity', 'entities')}"
    else:
        left = "all but the last two of each history" if recipe.held_out == "last" else "all of them"
        data = f"{pluralize(total['entities'], 'entity', 'entities')}, {pluralize(total['events'], 'event')}, {left}"
    click.echo(
        f"training {article} {recipe.family} model, preset {recipe.preset}, on {streams}: {data}; "
        f"vocabulary of {manifest.vocabulary['size']:,}\n"
        f"{length} of {batches}{recipe.batch} blocks of {recipe.block} positions; {origin}",
        err=True,
    )


def _domain_recipe(domain_name: str | None) -> Path | None:
    """The file of a domain's recipe; None if it has no recipe."""
    if domain_name is None:
        return None
    from domaintoolkit.registry import get_domain

    recipe = get_domain(domain_name).recipe
    return None if recipe is None else Path(str(recipe))


def _encode_sample(domain_name: str | None, threads: int | None, quiet: bool) -> Path:
    """Encode the sample of a domain, or use an earlier encoding; return the folder."""
    from domaintoolkit.display import ProgressBar
    from domaintoolkit.jobs import encode, fit
    from domaintoolkit.reading import sample_source
    from domaintoolkit.registry import get_domain
    from domaintoolkit.schema import to_dict
    from domaintoolkit.storage import open_encoded

    assert domain_name is not None
    domain = get_domain(domain_name)
    folder = Path(f"{domain_name}-sample-streams")
    if (folder / "manifest.json").exists():
        if open_encoded(folder).manifest.schema != to_dict(domain.schema):
            raise OutputError(
                str(folder), "holds streams of another schema than the domain's; remove it, or give the OUT to train on"
            )
        return folder
    source = sample_source(domain, SAMPLE)
    with ProgressBar() as bar:
        tokenizer = fit(domain.schema, source, threads=threads, progress=bar).tokenizer
        result = encode(tokenizer, source, folder, threads=threads, progress=bar)
    if not quiet:
        click.echo(f"{result.manifest.totals['events']:,} simulated events of {domain_name} encoded into {folder}")
    return folder


def _lacks_page(run: Path, report: bool) -> bool:
    """Return True if a finished run has no page yet, such as one that was killed just before: only that is to do."""
    from domaintoolkit.train import PAGE, is_finished

    return report and is_finished(run) and not (run / PAGE).exists()
