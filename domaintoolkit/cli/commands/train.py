"""`domaintoolkit train`"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from domaintoolkit.cli.options import as_json, example, print_json
from domaintoolkit.cli.recipe_options import recipe_options
from domaintoolkit.errors import OutputError

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit train --domain ecommerce",
    "domaintoolkit train shop -o shop-model --preset 24m --block 512 --steps 690 --precision bf16",
    "domaintoolkit train shop -o shop-model --resume",
)


SAMPLE = 200_000
"""Simulated events to train on: of fewer, a model learns the events by heart and not their order."""


@click.command("train", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[OUT]")
@click.option(
    "--domain", "-d", "domain_name", metavar="NAME",
    help="The domain whose recipe is used; without OUT, a sample of it is encoded into NAME-sample-streams first.",
)  # fmt: skip
@click.option(
    "--out", "-o", type=click.Path(path_type=Path), metavar="RUN",
    help="The folder of the run.  [default: OUT with -model in place of -streams, here]",
)  # fmt: skip
@click.option(
    "--recipe", "recipe_file", type=click.Path(path_type=Path), metavar="FILE", help="Settings in a TOML file."
)
@click.option("--resume", is_flag=True, help="Go on from the run's last checkpoint.")
@recipe_options
@as_json
def command(
    folder: Path | None,
    domain_name: str | None,
    out: Path | None,
    recipe_file: Path | None,
    resume: bool,
    settings: dict[str, Any],
    json_output: bool,
) -> None:
    """Pre-train a model on token streams.

    OUT is an encoded folder. RUN gets the resolved recipe, the model, checkpoints and a comparison with
    baselines on held-out entities. Settings are those of --recipe, or of the domain's own recipe, or the
    defaults, each changed by its option; with --resume, those that the run began with.
    """
    if folder is None and domain_name is None:
        raise click.UsageError("give OUT, an encoded folder, or --domain NAME to train on its sample")
    streams = _sample_streams(domain_name, json_output) if folder is None else folder
    from domaintoolkit.train import Recipe, is_precision_emulated, load_recipe, replace_settings, train

    run = out or Path(f"{streams.name.removesuffix('-streams')}-model")
    begun = run / "recipe.toml"
    path = recipe_file or (begun if resume and begun.exists() else _domain_recipe(domain_name))
    recipe = replace_settings(Recipe() if path is None else load_recipe(path), **settings)
    first = not int(os.environ.get("RANK", "0"))
    if first and is_precision_emulated(recipe):
        click.echo("note: this CPU has no bf16 arithmetic; --precision fp32 is several times faster here", err=True)
    result = train(streams, run, recipe, resume=resume)
    if not first:
        return  # of several processes, the first one speaks
    if json_output:
        print_json({"out": str(run), "seconds": round(result.seconds, 3), **result.to_json()})
    else:
        click.echo(str(result))
        click.echo(f"\nwritten to {run}")


def _domain_recipe(domain_name: str | None) -> Path | None:
    """A domain's recipe as a file; None where it has none."""
    if domain_name is None:
        return None
    from domaintoolkit.registry import get_domain

    recipe = get_domain(domain_name).recipe
    return None if recipe is None else Path(str(recipe))


def _sample_streams(domain_name: str | None, quiet: bool) -> Path:
    """The encoded sample of a domain; an earlier encoding of it is used again."""
    from domaintoolkit.cli.progress import Bar
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
                str(folder), "holds streams of another schema than the domain's; name the OUT to train on"
            )
        return folder
    source = sample_source(domain, SAMPLE)
    with Bar() as bar:
        result = encode(fit(domain.schema, source, progress=bar).tokenizer, source, folder, progress=bar)
    if not quiet:
        click.echo(f"{result.manifest.totals['events']:,} simulated events of {domain_name} encoded into {folder}")
    return folder
