"""`domaintoolkit plan`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from domaintoolkit.cli.completion import complete_devices, complete_presets
from domaintoolkit.cli.options import AtLeast, format_examples, json_option, parse_time, print_json

if TYPE_CHECKING:
    from domaintoolkit.model import TokenModelConfig

__all__ = ["command"]

EXAMPLES = format_examples(
    "domaintoolkit plan --preset 24m --gpu l4 --tokens 62.7M",
    "domaintoolkit plan shop --preset 85m --gpu h100 --batch 64 --block 1024",
    "domaintoolkit plan --study sizes-study --budget 2h --parameters 3M",
)

UNITS = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}


def _parse_count(ctx: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    """A whole number, with an optional unit: `45M`, `62.7M`, `1B`."""
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
@click.option(
    "--preset", default="24m", show_default=True, metavar="NAME", shell_complete=complete_presets,
    help="Size of the model.",
)  # fmt: skip
@click.option(
    "--gpu", "device", default="l4", show_default=True, metavar="NAME", shell_complete=complete_devices,
    help="Device: l4, a10, a100, h100 or cpu.",
)  # fmt: skip
@click.option(
    "--tokens", callback=_parse_count, metavar="N", help="Training tokens.  [default: those of OUT, or 62.7M]"
)
@click.option(
    "--vocabulary", type=AtLeast(1), metavar="N", help="Size of the vocabulary.  [default: that of OUT, or 4000]"
)
@click.option("--batch", type=AtLeast(1), default=32, show_default=True, metavar="N", help="Blocks per step.")
@click.option("--block", type=AtLeast(1), default=512, show_default=True, metavar="N", help="Positions per block.")
@click.option(
    "--precision", type=click.Choice(["fp32", "bf16"]), default="bf16", show_default=True,
    help="Number format of the forward pass.",
)  # fmt: skip
@click.option(
    "--utilisation", type=click.FloatRange(0, 1, min_open=True), metavar="X",
    help="Share of the device's peak speed that training reaches.  [default: a cautious estimate]",
)  # fmt: skip
@click.option(
    "--study", type=click.Path(path_type=Path), metavar="FOLDER",
    help="A finished study of sizes: use its laws instead, for the options below.",
)  # fmt: skip
@click.option("--budget", callback=parse_time, metavar="TIME", help="With --study: the best size for this time there.")
@click.option("--flops", type=float, metavar="N", help="With --study: the best size for this compute, such as 1e18.")
@click.option(
    "--parameters", callback=_parse_count, metavar="N",
    help="With --study: the loss to expect of so many parameters outside the embeddings.",
)  # fmt: skip
@json_option
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
    study: Path | None,
    budget: float | None,
    flops: float | None,
    parameters: int | None,
    json_output: bool,
) -> None:
    """Estimate parameters, memory, time and cost of a training run of the token model.

    With OUT, an encoded folder, use its vocabulary and its training tokens. All figures about a device are
    modelled, not measured.

    With --study, the folder of a finished study of sizes, say what its runs lead to expect: the best size for a budget,
    and the loss of a size, with 95% intervals.
    """
    if study is not None:
        _foresee(study, folder, budget, flops, parameters, json_output)
        return
    if budget is not None or flops is not None or parameters is not None:
        raise click.UsageError("--budget, --flops and --parameters need --study")
    from domaintoolkit.model import plan
    from domaintoolkit.model import preset as shape

    size, available = _read_sizes(folder)
    if folder is not None and not (tokens or available):
        raise click.UsageError(f"{folder} has no training tokens; give --tokens")
    config: TokenModelConfig = shape(preset, vocabulary or size, block=block)
    planned = plan(config, batch, block, precision, device, tokens or available, utilisation)
    if json_output:
        print_json({**asdict(planned), "memory": planned.memory, "fits": planned.fits})
        return
    from domaintoolkit.report import Screen

    Screen().facts(planned.rows())


def _foresee(
    study: Path, folder: Path | None, budget: float | None, flops: float | None, parameters: int | None, as_json: bool
) -> None:
    if folder is not None:
        raise click.UsageError("give OUT or --study, not both")
    sources = click.get_current_context().get_parameter_source
    names = ("preset", "device", "tokens", "vocabulary", "batch", "block", "precision", "utilisation")
    given = [name for name in names if sources(name) is click.core.ParameterSource.COMMANDLINE]
    if given:
        options = ", ".join(f"--{'gpu' if name == 'device' else name}" for name in given)
        raise click.UsageError(f"{options}: no effect with --study; drop them")
    if flops is not None and not 0 < flops < float("inf"):
        raise click.UsageError(f"--flops: expected a number above zero, got {flops!r}")
    from domaintoolkit.studies import foresee

    outlook = foresee(study, parameters, budget, flops)
    if as_json:
        laws = {"size": outlook.size_law.formula, "size_and_data": outlook.joint_law.formula}
        expected = None if outlook.expected is None else asdict(outlook.expected)
        print_json({"laws": laws, "expected": expected,
                    "best": [{"budget": name, **asdict(choice)} for name, choice in outlook.choices]})  # fmt: skip
        return
    from domaintoolkit.report import Screen

    Screen().facts(outlook.rows())


def _read_sizes(folder: Path | None) -> tuple[int, int]:
    """(size of the vocabulary, training tokens) of an encoded folder, or the defaults."""
    if folder is None:
        return 4_000, 62_700_000
    from domaintoolkit.storage import open_encoded

    manifest = open_encoded(folder, verify=False).manifest
    return int(manifest.vocabulary["size"]), manifest.splits.get("train", {}).get("tokens", 0)
