"""Memory checks: an estimate before the first step, and an explanation after a failed allocation."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from domaintoolkit.errors import Problem, SchemaError
from domaintoolkit.model import TokenModelConfig, plan
from domaintoolkit.train.recipe import Recipe

__all__ = ["check_memory", "explain_out_of_memory", "total_memory"]

GIB = 1 << 30
SLACK = {"cpu": 1.0, "cuda": 2.0}
"""A step is refused above this multiple of the memory: compiled on a GPU, it keeps less than estimated."""


def total_memory(device: torch.device) -> int | None:
    """Bytes of memory of a device, used or not; None if unknown."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type == "cpu" and hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def check_memory(config: TokenModelConfig, recipe: Recipe, device: torch.device) -> None:
    """Raise `SchemaError` for a step that takes more than the device has, as far as `plan` can tell."""
    total = total_memory(device)
    if total is None:
        return
    # memory does not depend on the kind of GPU
    kind = "cpu" if device.type == "cpu" else "h100"
    needed = plan(config, recipe.batch, recipe.block, recipe.precision, kind).memory
    if needed > total * SLACK.get(device.type, 2.0):
        raise _batch_error(recipe, f"takes about {needed / GIB:,.0f} GiB; the device has {total / GIB:,.0f} GiB")


@contextmanager
def explain_out_of_memory(recipe: Recipe) -> Iterator[None]:
    """Raise `SchemaError` if an allocation fails in the block."""
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError):
        raise _batch_error(recipe, "does not fit into memory") from None
    except RuntimeError as error:  # PyTorch's allocator for the CPU has no exception class of its own
        if "DefaultCPUAllocator" not in str(error):
            raise
        raise _batch_error(recipe, "does not fit into memory") from None


def _batch_error(recipe: Recipe, reason: str) -> SchemaError:
    size = f"a batch of {recipe.batch:,} x {recipe.block:,} positions"
    return SchemaError([Problem("batch", f"{size} {reason}; lower batch (and raise accumulation) or block")], "recipe")
