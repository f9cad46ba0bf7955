"""The devices that a process was started with, how they share the work, and where a run is logged."""

from __future__ import annotations

import atexit
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, FullyShardedDataParallelPlugin
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch.distributed.fsdp import MixedPrecisionPolicy

from domaintoolkit.errors import MissingExtraError
from domaintoolkit.train.recipe import Recipe

__all__ = ["accelerator_for", "computed_in_software", "end", "start_trackers"]


def computed_in_software(recipe: Recipe) -> bool:
    """Whether this process trains in a precision that its processor has no arithmetic for, which takes much longer."""
    has_library: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if recipe.precision != "bf16" or torch.cuda.is_available() or not has_library:
        return False
    known: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return not known


def accelerator_for(recipe: Recipe, folder: Path) -> Accelerator:
    """The devices of this process; a second run in one process may have another precision.

    Raises `MissingExtraError` where a tracker of the recipe is not installed (accelerate would leave it out).
    """
    for tracker in recipe.trackers:
        if find_spec(tracker) is None:
            raise MissingExtraError(tracker, "wandb" if tracker == "wandb" else "train")
    AcceleratorState._reset_state()
    plugin = _sharding() if recipe.parallel == "fsdp" else None
    # A batch without spelled values leaves those weights of an event model without a gradient.
    handler = DistributedDataParallelKwargs(find_unused_parameters=recipe.family == "event")
    made = Accelerator(
        mixed_precision="bf16" if recipe.precision == "bf16" else "no",
        log_with=list(recipe.trackers) or None,
        project_dir=str(folder / "logs"),
        fsdp_plugin=plugin,
        kwargs_handlers=[handler],
    )
    if made.num_processes > 1:
        atexit.register(made.state.destroy_process_group)
    if plugin is not None and made.distributed_type == DistributedType.MULTI_CPU:
        # accelerate shards on accelerators alone; torch does so on CPUs too, where it can be tried and tested
        made.state.distributed_type = DistributedType.FSDP
        made.state.fsdp_plugin = plugin
    return made


def _sharding() -> FullyShardedDataParallelPlugin:
    """Parameters, gradients and moments in shards. Weights stay fp32 and autocast decides, as without sharding."""
    policy = MixedPrecisionPolicy()
    return FullyShardedDataParallelPlugin(fsdp_version=2, mixed_precision_policy=policy, auto_wrap_policy="no_wrap")


def start_trackers(accelerator: Accelerator, recipe: Recipe, folder: Path) -> None:
    """Open the logs of a run, with its recipe."""
    if not recipe.trackers:
        return
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    accelerator.init_trackers("domaintoolkit", _settings(recipe), {"wandb": {"dir": str(logs)}})


def end(accelerator: Accelerator) -> None:
    """Close the logs. The group of processes stays for the next run of these processes: a second one cannot be
    made reliably."""
    accelerator.wait_for_everyone()
    for tracker in accelerator.trackers:
        tracker.finish()


def _settings(recipe: Recipe) -> dict[str, Any]:
    """The recipe as one level of plain values, which is what trackers take."""
    settings = asdict(recipe)
    model = {f"model.{name}": value for name, value in settings.pop("model").items()}
    settings["trackers"] = ", ".join(settings["trackers"])
    return {name: value for name, value in {**settings, **model}.items() if value is not None}
