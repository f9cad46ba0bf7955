"""`domaintoolkit export`"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from domaintoolkit.cli.options import Whole, as_json, example, overwrite_option, print_json
from domaintoolkit.cli.progress import Bar
from domaintoolkit.errors import ArtifactError, OutputError

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit export shop --streams shop.parquet --composites greedy",
    "domaintoolkit export shop --huggingface shop-hf",
    "domaintoolkit export shop/tokenizer --vocabulary shop.csv",
)


@click.command("export", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(readable=False, path_type=Path), metavar="OUT")
@click.option(
    "--streams", type=click.Path(path_type=Path), metavar="FILE", help="One .parquet or .arrow file of streams."
)
@click.option(
    "--composites", type=click.Choice(["base", "greedy", "spr"]), default="base", show_default=True,
    help="With --streams: base tokens, or composites in their place, always the same or by --seed and --epoch.",
)  # fmt: skip
@click.option("--seed", type=Whole(0), default=0, show_default=True, metavar="N", help="Seed of spr.")
@click.option("--epoch", type=Whole(0), default=0, show_default=True, metavar="N", help="Epoch of spr.")
@click.option("--split", type=click.Choice(["train", "validation", "test"]), help="With --streams: only one split.")
@click.option("--vocabulary", type=click.Path(path_type=Path), metavar="FILE", help="The vocabulary as .csv or .json.")
@click.option(
    "--huggingface", type=click.Path(path_type=Path), metavar="DIR",
    help="A tokenizer folder that transformers.AutoTokenizer loads, with the same ids.",
)  # fmt: skip
@overwrite_option
@as_json
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
    """Write streams or the vocabulary for other programs.

    OUT is an encoded folder; for --vocabulary and --huggingface the folder of a tokenizer will do.
    """
    _check(streams, vocabulary, huggingface, overwrite)
    data: dict[str, Any] = {}
    if streams is not None:
        from domaintoolkit.jobs import export_streams

        with Bar() as bar:
            count = export_streams(folder, streams, composites, seed=seed, epoch=epoch, split=split, progress=bar)
        data["streams"] = {"file": str(streams), "count": count}
    if vocabulary is not None or huggingface is not None:
        data |= _vocabulary(folder, vocabulary, huggingface)
    if json_output:
        print_json(data)
    else:
        for what, each in data.items():
            click.echo(f"{what}: {each['count']:,} written to {each['file']}")


def _check(streams: Path | None, vocabulary: Path | None, huggingface: Path | None, overwrite: bool) -> None:
    outputs = [path for path in (streams, vocabulary, huggingface) if path is not None]
    if not outputs:
        raise click.UsageError("say what to write: --streams FILE, --vocabulary FILE or --huggingface DIR")
    for path, endings in ((streams, (".parquet", ".arrow")), (vocabulary, (".csv", ".json"))):
        if path is not None and path.suffix not in endings:
            raise click.UsageError(f"{str(path)!r} must end in {' or '.join(endings)}")
    for path in outputs:
        if path.exists() and not overwrite:
            raise OutputError(str(path), "is there already; give --overwrite to replace it, or choose another")


def _vocabulary(folder: Path, file: Path | None, huggingface: Path | None) -> dict[str, Any]:
    from domaintoolkit.vocabulary import Vocabulary

    there = folder / "tokenizer" if (folder / "tokenizer").is_dir() else folder
    if not (there / "vocabulary.json").exists():
        raise ArtifactError(str(folder), "is neither an encoded folder nor a tokenizer")
    vocabulary = Vocabulary.load(there)
    written = {}
    if file is not None:
        vocabulary.to_csv(file) if file.suffix == ".csv" else vocabulary.to_json(file)
        written["vocabulary"] = {"file": str(file), "count": len(vocabulary)}
    if huggingface is not None:
        vocabulary.to_huggingface(huggingface)
        written["huggingface"] = {"file": str(huggingface), "count": len(vocabulary)}
    return written
