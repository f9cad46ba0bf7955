"""A gated feed-forward layer in Triton, for CUDA in 16 bits: the kernel of the product applies the gate.

At the widths of compact models a product takes about as long as reading and writing what it makes. So the two that
border on the gate, one on the way up and one on the way back, finish it before they write: neither the products nor the
gradient of the gated values are read again. The other four products are the library's.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.library import triton_op, wrap_triton

__all__ = ["gated_feed_forward"]

FORWARD = {"ROWS": 128, "COLUMNS": 64, "STEP": 64, "num_warps": 8, "num_stages": 3}
BACKWARD = {"ROWS": 128, "COLUMNS": 128, "STEP": 64, "num_warps": 8, "num_stages": 3}
"""Tiles by what an H100 was fastest with; they fit the shared memory of an L4."""


@triton.jit
def _activation(gate, GELU: tl.constexpr):
    """The gate's activation and its derivative."""
    if GELU:
        share = 0.5 * (1.0 + tl.erf(gate * 0.7071067811865476))
        return gate * share, share + gate * tl.exp(-0.5 * gate * gate) * 0.3989422804014327
    share = tl.sigmoid(gate)
    return gate * share, share * (1.0 + gate * (1.0 - share))


@triton.jit
def _up(
    rows, weight, both, gated, count,
    WIDTH: tl.constexpr, INNER: tl.constexpr, GELU: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    # what lies outside is read elsewhere, since a mask would slow all the others down, and not written
    source = rows + (row % count).to(tl.int64)[:, None] * WIDTH + tl.arange(0, STEP)[None, :]
    across = weight + (column % INNER)[None, :] * WIDTH + tl.arange(0, STEP)[:, None]
    # sums in fp32, whatever the type of the products
    up = tl.zeros((ROWS, COLUMNS), tl.float32)
    gate = tl.zeros((ROWS, COLUMNS), tl.float32)
    for step in range(0, WIDTH, STEP):
        # both products share the tile of rows; the gate's weights are INNER rows after those of `up`
        tile = tl.load(source + step)
        up = tl.dot(tile, tl.load(across + step), up)
        gate = tl.dot(tile, tl.load(across + INNER * WIDTH + step), gate)
    kind = both.dtype.element_ty
    up, gate = up.to(kind), gate.to(kind)
    inside = (row < count)[:, None] & (column < INNER)[None, :]
    place = both + row.to(tl.int64)[:, None] * (2 * INNER) + column[None, :]
    tl.store(place, up, inside)
    tl.store(place + INNER, gate, inside)
    # from the stored, rounded gate, as the gradient reads it again
    opened, _ = _activation(gate.to(tl.float32), GELU)
    found = up.to(tl.float32) * opened
    tl.store(gated + row.to(tl.int64)[:, None] * INNER + column[None, :], found.to(kind), inside)


@triton.jit
def _back(
    grad_out, weight, both, grad_both, count,
    WIDTH: tl.constexpr, INNER: tl.constexpr, GELU: tl.constexpr,
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, STEP: tl.constexpr,
):  # fmt: skip
    column = tl.program_id(0) * COLUMNS + tl.arange(0, COLUMNS)
    row = tl.program_id(1) * ROWS + tl.arange(0, ROWS)
    source = grad_out + (row % count).to(tl.int64)[:, None] * WIDTH + tl.arange(0, STEP)[None, :]
    across = weight + (column % INNER)[None, :] + tl.arange(0, STEP)[:, None] * INNER
    # (rows, inner): the gradient by the gated values, which is never written
    above = tl.zeros((ROWS, COLUMNS), tl.float32)
    for step in range(0, WIDTH, STEP):
        above = tl.dot(tl.load(source + step), tl.load(across + step * INNER), above)
    kind = both.dtype.element_ty
    # rounded as a stored tensor would be, so that both ways have the same gradient
    above = above.to(kind).to(tl.float32)
    inside = (row < count)[:, None] & (column < INNER)[None, :]
    place = row.to(tl.int64)[:, None] * (2 * INNER) + column[None, :]
    up = tl.load(both + place, inside, 0.0).to(tl.float32)
    opened, slope = _activation(tl.load(both + place + INNER, inside, 0.0).to(tl.float32), GELU)
    tl.store(grad_both + place, (above * opened).to(kind), inside)
    tl.store(grad_both + place + INNER, (above * up * slope).to(kind), inside)


@triton_op("domaintoolkit::gated_feed_forward", mutates_args=())
def _feed(rows: Tensor, up: Tensor, down: Tensor, gelu: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The output of the layer, and what its gradient needs: the products (N, 2 x inner) and the gated values."""
    count, width, inner = *rows.shape, down.shape[1]
    both, gated = rows.new_empty(count, 2 * inner), rows.new_empty(count, inner)
    grid = (triton.cdiv(inner, FORWARD["COLUMNS"]), triton.cdiv(count, FORWARD["ROWS"]))
    wrap_triton(_up)[grid](rows, up, both, gated, count, WIDTH=width, INNER=inner, GELU=gelu, **FORWARD)
    return gated @ down.t(), both, gated


@triton_op("domaintoolkit::gated_feed_forward_backward", mutates_args=())
def _feed_backward(
    grad_out: Tensor, rows: Tensor, up: Tensor, down: Tensor, gelu: bool, both: Tensor, gated: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients by the rows and by both weights."""
    count, width, inner = *rows.shape, down.shape[1]
    grad_both = torch.empty_like(both)
    grid = (triton.cdiv(inner, BACKWARD["COLUMNS"]), triton.cdiv(count, BACKWARD["ROWS"]))
    wrap_triton(_back)[grid](grad_out, down, both, grad_both, count, WIDTH=width, INNER=inner, GELU=gelu, **BACKWARD)
    return grad_both @ up, grad_both.t() @ rows, grad_out.t() @ gated


def _keep(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    rows, up, down, ctx.gelu = inputs
    ctx.save_for_backward(rows, up, down, *output[1:])
    ctx.mark_non_differentiable(*output[1:])


def _gradient(ctx: Any, grad_out: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
    rows, up, down, both, gated = ctx.saved_tensors
    return *_feed_backward(grad_out.contiguous(), rows, up, down, ctx.gelu, both, gated), None


_feed.register_autograd(_gradient, setup_context=_keep)


def gated_feed_forward(rows: Tensor, up: Tensor, down: Tensor, gelu: bool) -> Tensor:
    """(u * activation(g)) @ down.T for the halves u, g of rows @ up.T: (N, width) of (N, width), contiguous.

    `up` is (2 x inner, width), `down` (width, inner), all of one type; the width is a multiple of 64 and `inner` one
    of 16. The activation is the logistic one, or with `gelu` the exact GELU.
    """
    return _feed(rows, up, down, gelu)[0]
