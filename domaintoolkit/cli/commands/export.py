"""`domaintoolkit export`"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from domaintoolkit.cli.options import AtLeast, format_examples, json_option, overwrite_option, print_json, reads_tables
from domaintoolkit.cli.output import check_output_ending, check_output_files
from domaintoolkit.cli.pipes import echo_beside, is_pipe, writing
from domaintoolkit.display import ProgressBar
from domaintoolkit.errors import ArtifactError
from domaintoolkit.util.output_sets import link_others, replacing_together

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit export shop --streams shop.parquet --composites greedy",
    "domaintoolkit export shop --huggingface shop-hf",
    "domaintoolkit export shop/tokenizer --vocabulary shop.csv",
)

STREAMS, VOCABULARY = (".parquet", ".arrow"), (".json", ".csv")
"""Endings of the two files; standard output gets the last of each."""


@click.command("export", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--streams",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the streams to one .parquet or .arrow file; - writes Arrow to standard output.",
)
@click.option(
    "--composites", type=click.Choice(["base", "greedy", "spr"]), default="base", show_default=True,
    help="With --streams: base tokens, or composites: fixed (`greedy`), or drawn by --seed and --epoch (`spr`).",
)  # fmt: skip
@click.option("--seed", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Seed of `spr`.")
@click.option("--epoch", type=AtLeast(0), default=0, show_default=True, metavar="N", help="Epoch of `spr`.")
@click.option(
    "--split", type=click.Choice(["train", "validation", "test"]), help="With --streams: write one split only."
)
@click.option(
    "--vocabulary",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the vocabulary to a .csv or .json file; - writes CSV to standard output.",
)
@click.option(
    "--huggingface", type=click.Path(path_type=Path), metavar="DIR",
    help="Write a folder that transformers.AutoTokenizer loads, with the same ids.",
)  # fmt: skip
@overwrite_option
@json_option
@reads_tables()
def command(
    folder: Path,
    streams: Path | None,
    composites: Any,
    seed: int,
    epoch: int,
    split: str | None,
    vocabulary: Path | None,
    huggingface: Path | None,
    overwrite: bool,
    json_output: bool,
) -> None:
    """Write the streams or the vocabulary for other programs.

    OUT is an encoded folder. For --vocabulary and --huggingface, it may also be the folder of a tokenizer.
    """
    outputs = _check_outputs(streams, vocabulary, huggingface, overwrite)
    data: dict[str, Any] = {}
    with replacing_together(outputs, outputs if overwrite else ()) as made:
        if streams is not None:
            from domaintoolkit.jobs import export_streams

            with ProgressBar() as bar, writing(made.get(streams, streams), STREAMS[-1]) as target:
                count = export_streams(folder, target, composites, seed=seed, epoch=epoch, split=split, progress=bar)
            data["streams"] = {"file": str(streams), "count": count}
        if vocabulary is not None or huggingface is not None:
            data |= _write_vocabulary(folder, vocabulary, huggingface, made)
    if json_output:
        print_json(data)
    else:
        piped = Path("-") if "-" in (str(streams), str(vocabulary)) else Path()
        for name, each in data.items():
            echo_beside(piped, f"{name}: {each['count']:,} written to {each['file']}")


def _check_outputs(
    streams: Path | None, vocabulary: Path | None, huggingface: Path | None, overwrite: bool
) -> list[Path]:
    """Check the outputs, and give the files and folders of them."""
    outputs = [path for path in (streams, vocabulary, huggingface) if path is not None]
    if not outputs:
        raise click.UsageError("there is nothing to write; give --streams FILE, --vocabulary FILE or --huggingface DIR")
    if streams is not None:
        check_output_ending("--streams", streams, STREAMS)
    if vocabulary is not None:
        check_output_ending("--vocabulary", vocabulary, VOCABULARY)
    if huggingface is not None and is_pipe(huggingface):
        raise click.UsageError("--huggingface writes a folder, not standard output; give its name instead of -")
    if [str(path) for path in outputs].count("-") > 1:
        raise click.UsageError("only one output can go to standard output; name a file for the other")
    check_output_files(outputs, overwrite)
    return [path for path in outputs if not is_pipe(path)]


def _write_vocabulary(
    folder: Path, file: Path | None, huggingface: Path | None, made: Mapping[Path, Path]
) -> dict[str, Any]:
    """Write the vocabulary to the places that `made` has for the two outputs."""
    from domaintoolkit.vocabulary import Vocabulary

    home = folder / "tokenizer" if (folder / "tokenizer").is_dir() else folder
    if not (home / "vocabulary.json").exists():
        raise ArtifactError(str(folder), "is neither an encoded folder nor a tokenizer")
    vocabulary = Vocabulary.load(home)
    written = {}
    if file is not None:
        with writing(made.get(file, file), VOCABULARY[-1]) as target:
            vocabulary.to_csv(target) if target.suffix == ".csv" else vocabulary.to_json(target)
        written["vocabulary"] = {"file": str(file), "count": len(vocabulary)}
    if huggingface is not None:
        vocabulary.to_huggingface(made[huggingface])
        # such as the model that the tokenizer is for
        link_others(huggingface, made[huggingface], ())
        written["huggingface"] = {"file": str(huggingface), "count": len(vocabulary)}
    return written
