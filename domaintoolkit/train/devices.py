"""The devices of a process, how they share the work, and the logs of a run."""

from __future__ import annotations

import atexit
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs, FullyShardedDataParallelPlugin
from accelerate.state import AcceleratorState
from accelerate.utils import DistributedType
from torch.distributed.fsdp import MixedPrecisionPolicy

from domaintoolkit.errors import MissingExtraError
from domaintoolkit.train.recipe import Recipe

__all__ = ["build_accelerator", "close_trackers", "is_precision_emulated", "start_trackers"]


def is_precision_emulated(recipe: Recipe) -> bool:
    """Return True if this processor computes the recipe's precision in software, which takes several times longer."""
    has_library: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if recipe.precision != "bf16" or torch.cuda.is_available() or not has_library:
        return False
    supported: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return not supported


def build_accelerator(recipe: Recipe, folder: Path) -> Accelerator:
    """The devices of this process; a second run in one process may have another precision.

    Raises `MissingExtraError` if a tracker of the recipe is not installed (accelerate would leave it out).
    """
    for tracker in recipe.trackers:
        if find_spec(tracker) is None:
            raise MissingExtraError(tracker, "wandb" if tracker == "wandb" else "train")
    AcceleratorState._reset_state()  # accelerate keeps the first run's settings in a global
    plugin = _build_fsdp_plugin() if recipe.parallel == "fsdp" else None
    # A batch without spelled values leaves those weights of an event model without a gradient.
    handler = DistributedDataParallelKwargs(find_unused_parameters=recipe.family == "event")
    accelerator = Accelerator(
        mixed_precision="bf16" if recipe.precision == "bf16" else "no",
        log_with=list(recipe.trackers) or None,
        project_dir=str(folder / "logs"),
        fsdp_plugin=plugin,
        kwargs_handlers=[handler],
    )
    if accelerator.num_processes > 1:
        atexit.register(accelerator.state.destroy_process_group)
    if plugin is not None and accelerator.distributed_type == DistributedType.MULTI_CPU:
        # accelerate shards on accelerators only; torch also does so on CPUs, where it can be tested
        accelerator.state.distributed_type = DistributedType.FSDP
        accelerator.state.fsdp_plugin = plugin
    return accelerator


def _build_fsdp_plugin() -> FullyShardedDataParallelPlugin:
    """Parameters, gradients and moments in shards. Weights stay fp32 and autocast decides, as without sharding."""
    policy = MixedPrecisionPolicy()
    return FullyShardedDataParallelPlugin(fsdp_version=2, mixed_precision_policy=policy, auto_wrap_policy="no_wrap")


def start_trackers(accelerator: Accelerator, recipe: Recipe, folder: Path) -> None:
    """Open the logs of a run, with its recipe."""
    if not recipe.trackers:
        return
    logs = folder / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    accelerator.init_trackers("domaintoolkit", _flatten_settings(recipe), {"wandb": {"dir": str(logs)}})


def close_trackers(accelerator: Accelerator) -> None:
    """Close the logs. The process group stays open for the next run: these processes cannot reliably make a second."""
    accelerator.wait_for_everyone()
    for tracker in accelerator.trackers:
        tracker.finish()


def _flatten_settings(recipe: Recipe) -> dict[str, object]:
    """The recipe as one level of plain values: trackers take no nested ones."""
    settings = asdict(recipe)
    model = {f"model.{name}": value for name, value in settings.pop("model").items()}
    settings["trackers"] = ", ".join(settings["trackers"])
    return {name: value for name, value in {**settings, **model}.items() if value is not None}
