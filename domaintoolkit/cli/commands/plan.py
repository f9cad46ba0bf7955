"""`domaintoolkit plan`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.options import Whole, as_json, example, print_json

if TYPE_CHECKING:
    from domaintoolkit.model import TokenModelConfig

__all__ = ["command"]

EXAMPLES = example(
    "domaintoolkit plan --preset 24m --gpu l4 --tokens 62.7M",
    "domaintoolkit plan shop --preset 85m --gpu h100 --batch 64 --block 1024",
)

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


def _count(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A whole number with a unit if wanted: `45M`, `62.7M`, `1B`."""
    if value is None:
        return None
    text = value.strip().upper().replace(",", "").replace("_", "")
    unit = text[-1:] if text[-1:] in UNITS else ""
    try:
        number = round(float(text.removesuffix(unit)) * UNITS[unit])
    except (ValueError, OverflowError):
        number = 0
    if number < 1:
        raise click.BadParameter(f"expected a number such as 62.7M, got {value!r}", ctx, parameter)
    return number


@click.command("plan", epilog=EXAMPLES)
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[OUT]")
@click.option("--preset", default="24m", show_default=True, metavar="NAME", help="The model's size.")
@click.option("--gpu", "device", default="l4", show_default=True, metavar="NAME", help="l4, a10, a100, h100 or cpu.")
@click.option("--tokens", callback=_count, metavar="N", help="Tokens to train on.  [default: those of OUT, or 62.7M]")
@click.option("--vocabulary", type=Whole(1), metavar="N", help="Tokens of the vocabulary.  [default: OUT's, or 4000]")
@click.option("--batch", type=Whole(1), default=32, show_default=True, metavar="N", help="Blocks of a step.")
@click.option("--block", type=Whole(1), default=512, show_default=True, metavar="N", help="Positions of a block.")
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="bf16", show_default=True,
    help="Numbers of the forward pass.",
)  # fmt: skip
@click.option(
    "--utilisation", type=click.FloatRange(0, 1, min_open=True), metavar="X",
    help="Share of the device's peak that is reached.  [default: a cautious one]",
)  # fmt: skip
@as_json
def command(
    folder: Path | None,
    preset: str,
    device: str,
    tokens: int | None,
    vocabulary: int | None,
    batch: int,
    block: int,
    precision: Any,
    utilisation: float | None,
    json_output: bool,
) -> None:
    """Estimate parameters, memory, time and cost of a training run of the token model.

    With OUT, an encoded folder, its vocabulary and its training tokens are taken. Everything said of a device is
    modelled, not measured.
    """
    from domaintoolkit.model import plan
    from domaintoolkit.model import preset as shape

    size, there = _of_folder(folder)
    if folder is not None and not (tokens or there):
        raise click.UsageError(f"{folder} has no tokens for training; give --tokens")
    config: TokenModelConfig = shape(preset, vocabulary or size, block=block)
    made = plan(config, batch, block, precision, device, tokens or there, utilisation)
    if json_output:
        print_json({**asdict(made), "memory": made.memory, "fits": made.fits})
        return
    from domaintoolkit.report import Screen

    Screen().facts(made.rows())


def _of_folder(folder: Path | None) -> tuple[int, int]:
    """(size of the vocabulary, tokens for training)."""
    if folder is None:
        return 4_000, 62_700_000
    from domaintoolkit.storage import open_encoded

    manifest = open_encoded(folder, verify=False).manifest
    return int(manifest.vocabulary["size"]), manifest.splits.get("train", {}).get("tokens", 0)
