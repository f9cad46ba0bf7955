"""Whether a step fits into the memory that there is: told before it is tried, and where trying it has failed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.model import TokenModelConfig, plan
from domaintoolkit.train.recipe import Recipe

__all__ = ["check_memory", "memory_of", "within_memory"]

GIB = 1 << 30
SLACK = {"cpu": 1.0, "cuda": 2.0}
"""How far above the memory an estimate has to be to be believed: a compiled step on a GPU keeps less than it says."""


def memory_of(device: torch.device) -> int | None:
    """Bytes of memory that a device has, used or not; None where that cannot be told."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "cpu" and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def check_memory(config: TokenModelConfig, recipe: Recipe, device: torch.device) -> None:
    """Raise `SchemaError` for a step that takes more than the device has, as far as `plan` can tell."""
    there = memory_of(device)
    if there is None:
        return
    kind = "cpu" if device.type == "cpu" else "h100"
    needed = plan(config, recipe.batch, recipe.block, recipe.precision, kind).memory
    if needed > there * SLACK.get(device.type, 2.0):
        detail = f"about {needed / GIB:,.0f} GiB of the {there / GIB:,.0f} GiB that there are"
        raise _too_large(recipe, f"takes {detail}")


@contextmanager
def within_memory(recipe: Recipe) -> Iterator[None]:
    """Raise `SchemaError` where an allocation fails in the block."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise _too_large(recipe, "does not fit into memory") from None
    except RuntimeError as error:  # of which PyTorch's allocator for the CPU makes no error of its own
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise _too_large(recipe, "does not fit into memory") from None


def _too_large(recipe: Recipe, what: str) -> SchemaError:
    size = f"a batch of {recipe.batch:,} x {recipe.block:,} positions"
    return SchemaError([Problem("batch", f"{size} {what}; lower batch (and raise accumulation) or block")], "recipe")
