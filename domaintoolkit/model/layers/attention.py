"""Attention that stays inside a history, for blocks that hold several.

Which kernel runs where, and what it costs for blocks of T tokens and histories of n:

- `causal`: one history a row: torch's fused attention, T^2 / 2 a head. Everywhere.
- `dense`: the same under a boolean mask (B, 1, T, T): T^2 a head, and B * T^2 bytes, made once a batch. Everywhere,
  and the only one on a CPU that has a gradient (flex attention has none there). A CPU takes the queries in tiles of
  128, each with the keys from where the first of its histories begins: T^2 / 2, or T * (128 + n) if that is less.
- `histories`: our own, in Triton: the sum of n^2 / 2, no mask. CUDA, 16-bit, compute capability 8.0 and on, head widths
  of 16, 32, 64 and 128.
- `varlen`: `torch.nn.attention.varlen`: the same cost. CUDA, 16-bit, compute capability 8.0 and on, other head widths.
- `flex`: flex attention, compiled: skips tiles of 128 x 128 that hold no pair. CUDA, any precision; taken for
  training in fp32 on blocks from 1,024 positions on.

`causal` and `dense` are tested on CPUs, all of them on a GPU if there is one: the same loss and gradients.
docs/models/training.md has what they took on an H100.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from domaintoolkit.model.kernels import TRITON

__all__ = ["Kernel", "Packing", "attend", "attend_together", "history_bounds", "pack"]

LONG = 1024
TILE = 128

Kernel = Literal["causal", "dense", "histories", "varlen", "flex"]


@dataclass(frozen=True, slots=True)
class Packing:
    """The positions of the histories of a batch, in the form that one kernel takes."""

    kernel: Kernel
    positions: Tensor
    """int64 (B, T): position within the history."""
    mask: Any = None
    """The mask that the kernel takes: a boolean mask, histories of rows, their bounds, or a flex block mask."""
    tiles: tuple[tuple[int, int, int], ...] = ()
    """For a boolean mask that is taken in tiles: their first key, first query and end."""


def history_bounds(documents: Tensor) -> Tensor:
    """int32 (n + 1,): where in the B * T positions of `documents` histories and paddings begin, and the end."""
    starts = _first(documents).flatten().nonzero().flatten()
    return functional.pad(starts, (0, 1), value=documents.numel()).to(torch.int32)


def _first(documents: Tensor) -> Tensor:
    first = torch.ones_like(documents, dtype=torch.bool)
    first[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return first


def pack(
    documents: Tensor | None,
    shape: tuple[int, int],
    width: int,
    device: torch.device,
    kernel: Kernel | None = None,
    bounds: Tensor | None = None,
) -> Packing:
    """Prepare attention of heads `width` wide for `documents` (B, T), or for one history a row without them.

    `bounds` are those of `documents`; if they are left out and needed, a GPU has to be waited for.
    """
    count, length = shape
    steps = torch.arange(length, device=device)
    if documents is None:
        return Packing("causal", steps.expand(count, length))
    # (B, T): the last position that begins a history is a running maximum
    positions = steps - torch.where(_first(documents), steps, 0).cummax(1).values
    match kernel or _kernel(device, length, width):
        case "causal":
            return Packing("causal", positions)
        case "histories":
            return Packing("histories", positions, _first_and_last(documents, positions))
        case "varlen":
            return Packing("varlen", positions, history_bounds(documents) if bounds is None else bounds)
        case "flex":
            return Packing("flex", positions, _block_mask(documents, count, length))
        case _:
            # (B, T, T)
            same = documents[:, :, None] == documents[:, None, :]
            return Packing("dense", positions, same.tril_()[:, None], _tiles(positions))


def _tiles(positions: Tensor) -> tuple[tuple[int, int, int], ...]:
    """Tiles of queries and the keys that one of them may see; none if that would wait for a GPU or break a graph."""
    length = positions.shape[1]
    if positions.device.type != "cpu" or length <= TILE or torch.compiler.is_compiling():
        return ()
    starts = range(0, length, TILE)
    # (tiles,) where the history of a tile's first query begins, the earliest over all rows
    first = (torch.arange(length) - positions)[:, ::TILE].amin(0).tolist()
    return tuple((low, start, min(start + TILE, length)) for low, start in zip(first, starts, strict=True))


def _first_and_last(documents: Tensor, positions: Tensor) -> tuple[Tensor, Tensor]:
    """int32 (B * T,) each: the number of the first row of a row's history, and of that after its last one."""
    count, length = documents.shape
    rows = torch.arange(count * length, device=documents.device).view(count, length)
    # (B, T) True if a history begins at the next position, or the row ends
    begins = functional.pad(_first(documents)[:, 1:], (0, 1), value=True)
    # the nearest end to the right of each: a running minimum from the right
    last = torch.where(begins, rows + 1, count * length).flip(1).cummin(1).values.flip(1)
    return (rows - positions).flatten().to(torch.int32), last.flatten().to(torch.int32)


def _kernel(device: torch.device, length: int, width: int) -> Kernel:
    if device.type != "cuda":
        return "dense"
    half = torch.is_autocast_enabled("cuda") and torch.get_autocast_dtype("cuda") in (torch.bfloat16, torch.float16)
    if half and torch.cuda.get_device_capability(device) >= (8, 0):
        return "histories" if TRITON and width in (16, 32, 64, 128) else "varlen"
    # flex is compiled for each shape, and outside of training shapes vary; short blocks have few tiles to skip
    return "flex" if torch.is_grad_enabled() and length >= LONG else "dense"


def attend(query: Tensor, key: Tensor, value: Tensor, packing: Packing, dropout: float = 0.0) -> Tensor:
    """Attention of (B, heads, T, head width) tensors; dropout of the weights only if the kernel has it."""
    match packing.kernel:
        case "causal":
            return functional.scaled_dot_product_attention(query, key, value, dropout_p=dropout, is_causal=True)
        case "dense":
            mask = packing.mask
            if packing.tiles:
                return torch.cat([_tile(query, key, value, mask, tile, dropout) for tile in packing.tiles], 2)
            return functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        case "histories":
            return attend_together(torch.stack([each.transpose(1, 2) for each in (query, key, value)], 2), packing)
        case "varlen":
            return _attend_varlen(query, key, value, packing)
        case _:
            out: Tensor = _flex()(query, key, value, block_mask=packing.mask)
            return out


def _tile(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor, tile: tuple[int, int, int], dropout: float
) -> Tensor:
    low, start, end = tile
    seen = (key[:, :, low:end], value[:, :, low:end])
    own = mask[:, :, start:end, low:end]
    return functional.scaled_dot_product_attention(query[:, :, start:end], *seen, attn_mask=own, dropout_p=dropout)


def attend_together(rows: Tensor, packing: Packing) -> Tensor:
    """Attention (B, heads, T, head width) by the kernel `histories` of (B, T, 3, heads, head width)."""
    from domaintoolkit.model.kernels.packed_attention import attend_histories

    count, length, _, heads, width = rows.shape
    out = attend_histories(rows.flatten(0, 1).contiguous(), *packing.mask)
    return out.view(count, length, heads, width).transpose(1, 2)


def _attend_varlen(query: Tensor, key: Tensor, value: Tensor, packing: Packing) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    count, heads, length, width = query.shape
    rows = tuple(tensor.transpose(1, 2).reshape(count * length, heads, width) for tensor in (query, key, value))
    bounds = packing.mask
    # the block's length stands for the longest history's: it is known without looking at the GPU
    out: Any = varlen_attn(rows[0], rows[1], rows[2], bounds, bounds, length, length, window_size=(-1, 0))
    result: Tensor = out.reshape(count, length, heads, width).transpose(1, 2)
    return result


def _block_mask(documents: Tensor, count: int, length: int) -> Any:
    from torch.nn.attention.flex_attention import create_block_mask

    def same(batch: Tensor, _: Tensor, row: Tensor, column: Tensor) -> Tensor:
        return (row >= column) & (documents[batch, row] == documents[batch, column])

    return create_block_mask(same, count, None, length, length, device=documents.device)


@cache
def _flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention, dynamic=False)
