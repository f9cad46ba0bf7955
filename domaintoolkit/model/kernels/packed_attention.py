"""Attention inside the histories of packed rows, in Triton: in 16 bits, at head widths that are powers of two.

FlashAttention-2 (Dao 2023) over rows that say where their history begins and ends, in place of sequences and their
bounds. Queries, keys and values are one array, of one matrix product, and so are their gradients: histories are short,
and then attention costs what it reads and writes. The backward pass visits a tile of queries for their gradients, and a
tile of keys for theirs, so that nothing is added up in memory in an order that changes.
"""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.library import triton_op, wrap_triton

__all__ = ["attend_histories"]

LOG2_E = 1.4426950408889634
TILE = 64


@triton.jit
def _forward(
    rows, out, log_sums, first, count,
    SCALE: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    # a program takes one head and one tile of queries
    head, begin = tl.program_id(0), tl.program_id(1) * QUERIES
    own, cell = begin + tl.arange(0, QUERIES), tl.arange(0, WIDTH)
    there = own < count
    # a row holds its query, key and value of all heads one after another; 64 bits, since N rows can have more numbers
    # than 32 bits count
    source = rows + head * WIDTH + cell[None, :]
    query = tl.load(source + own.to(tl.int64)[:, None] * (3 * HEADS * WIDTH), there[:, None], 0.0)
    # (queries,) where the history of each begins
    since = tl.load(first + own, there, count)
    # finite, so that a tile in which a row sees nothing leaves it as it was
    highest = tl.full((QUERIES,), -1.0e30, tl.float32)
    total = tl.zeros((QUERIES,), tl.float32)
    found = tl.zeros((QUERIES, WIDTH), tl.float32)
    # the first query of a tile has the earliest history, so the keys begin with the tile that this one begins in
    for start in range(tl.load(first + begin) // KEYS * KEYS, tl.minimum(begin + QUERIES, count), KEYS):
        other = start + tl.arange(0, KEYS)
        far = source + other.to(tl.int64)[:, None] * (3 * HEADS * WIDTH)
        key = tl.load(far + HEADS * WIDTH, other[:, None] < count, 0.0)
        value = tl.load(far + 2 * HEADS * WIDTH, other[:, None] < count, 0.0)
        # (queries, keys): of its own history, and not later
        seen = (other[None, :] >= since[:, None]) & (other[None, :] <= own[:, None])
        score = tl.where(seen, tl.dot(query, tl.trans(key)) * SCALE, float("-inf"))
        higher = tl.maximum(highest, tl.max(score, 1))
        weight = tl.exp2(score - higher[:, None])
        # online softmax: earlier sums are scaled to the new maximum, in powers of 2
        shrink = tl.exp2(highest - higher)
        total = total * shrink + tl.sum(weight, 1)
        found = tl.dot(weight.to(value.dtype), value, found * shrink[:, None])
        highest = higher
    # (queries, WIDTH) cells of `out`, whose rows hold one vector a head
    place = own.to(tl.int64)[:, None] * (HEADS * WIDTH) + head * WIDTH + cell[None, :]
    tl.store(out + place, (found / total[:, None]).to(out.dtype.element_ty), there[:, None])
    tl.store(log_sums + head * count + own, highest + tl.log2(total), there)


# The gradient of the queries: as `_forward`, a program for each tile of them
@triton.jit
def _by_query(
    rows, out, grad_out, log_sums, shifts, grad_rows, first, count,
    SCALE: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    head, begin = tl.program_id(0), tl.program_id(1) * QUERIES
    own, cell = begin + tl.arange(0, QUERIES), tl.arange(0, WIDTH)
    there = own < count
    source = rows + head * WIDTH + cell[None, :]
    query = tl.load(source + own.to(tl.int64)[:, None] * (3 * HEADS * WIDTH), there[:, None], 0.0)
    place = own.to(tl.int64)[:, None] * (HEADS * WIDTH) + head * WIDTH + cell[None, :]
    above = tl.load(grad_out + place, there[:, None], 0.0)
    # (queries,) the gradient of a softmax subtracts this from each term; the keys' pass reads it again
    shift = tl.sum(tl.load(out + place, there[:, None], 0.0).to(tl.float32) * above.to(tl.float32), 1)
    tl.store(shifts + head * count + own, shift, there)
    # with it, weights are exact at once: no running maximum
    log_sum = tl.load(log_sums + head * count + own, there, 0.0)
    since = tl.load(first + own, there, count)
    found = tl.zeros((QUERIES, WIDTH), tl.float32)
    for start in range(tl.load(first + begin) // KEYS * KEYS, tl.minimum(begin + QUERIES, count), KEYS):
        other = start + tl.arange(0, KEYS)
        far = source + other.to(tl.int64)[:, None] * (3 * HEADS * WIDTH)
        key = tl.load(far + HEADS * WIDTH, other[:, None] < count, 0.0)
        value = tl.load(far + 2 * HEADS * WIDTH, other[:, None] < count, 0.0)
        seen = (other[None, :] >= since[:, None]) & (other[None, :] <= own[:, None])
        weight = tl.where(seen, tl.exp2(tl.dot(query, tl.trans(key)) * SCALE - log_sum[:, None]), 0.0)
        # (queries, keys) the gradient of the scores
        part = weight * (tl.dot(above, tl.trans(value)) - shift[:, None])
        found = tl.dot(part.to(key.dtype), key, found)
    # the factor is ln 2: scores were in powers of 2
    place = own.to(tl.int64)[:, None] * (3 * HEADS * WIDTH) + head * WIDTH + cell[None, :]
    tl.store(grad_rows + place, (found * (SCALE * 0.6931471805599453)).to(grad_rows.dtype.element_ty), there[:, None])


# The gradients of keys and values: a program for each tile of keys, which goes through the queries that see it
@triton.jit
def _by_key(
    rows, grad_out, log_sums, shifts, grad_rows, last, count,
    SCALE: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr, QUERIES: tl.constexpr, KEYS: tl.constexpr,
):  # fmt: skip
    head, begin = tl.program_id(0), tl.program_id(1) * KEYS
    own, cell = begin + tl.arange(0, KEYS), tl.arange(0, WIDTH)
    there = own < count
    source = rows + head * WIDTH + cell[None, :]
    place = own.to(tl.int64)[:, None] * (3 * HEADS * WIDTH)
    key = tl.load(source + HEADS * WIDTH + place, there[:, None], 0.0)
    value = tl.load(source + 2 * HEADS * WIDTH + place, there[:, None], 0.0)
    # (keys,) one past the last query that sees each
    until = tl.load(last + own, there, 0)
    by_key = tl.zeros((KEYS, WIDTH), tl.float32)
    by_value = tl.zeros((KEYS, WIDTH), tl.float32)
    # `last` rises, so that of the tile's last key is the largest
    for start in range(begin // QUERIES * QUERIES, tl.load(last + tl.minimum(begin + KEYS, count) - 1), QUERIES):
        other = start + tl.arange(0, QUERIES)
        inside, far = other < count, other.to(tl.int64)[:, None] * (HEADS * WIDTH)
        query = tl.load(source + 3 * far, inside[:, None], 0.0)
        above = tl.load(grad_out + far + head * WIDTH + cell[None, :], inside[:, None], 0.0)
        log_sum = tl.load(log_sums + head * count + other, inside, 0.0)
        shift = tl.load(shifts + head * count + other, inside, 0.0)
        # (keys, queries)
        seen = (other[None, :] >= own[:, None]) & (other[None, :] < until[:, None])
        weight = tl.where(seen, tl.exp2(tl.dot(key, tl.trans(query)) * SCALE - log_sum[None, :]), 0.0)
        by_value = tl.dot(weight.to(above.dtype), above, by_value)
        part = weight * (tl.dot(value, tl.trans(above)) - shift[None, :])
        by_key = tl.dot(part.to(query.dtype), query, by_key)
    place = grad_rows + place + head * WIDTH + cell[None, :]
    tl.store(
        place + HEADS * WIDTH, (by_key * (SCALE * 0.6931471805599453)).to(grad_rows.dtype.element_ty), there[:, None]
    )
    tl.store(place + 2 * HEADS * WIDTH, by_value.to(grad_rows.dtype.element_ty), there[:, None])


@triton_op("domaintoolkit::attend_histories", mutates_args=())
def _attend(rows: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, Tensor]:
    """The sums that the rows gather, and the base-2 logarithms (heads, N) of their sums of weights."""
    count, _, heads, width = rows.shape
    out = rows.new_empty(count, heads, width)
    log_sums = rows.new_empty(heads, count, dtype=torch.float32)
    shape: dict[str, Any] = _shape(heads, width)
    wrap_triton(_forward)[_grid(count, heads)](rows, out, log_sums, first, count, **shape, num_stages=3)
    return out, log_sums


@triton_op("domaintoolkit::attend_histories_backward", mutates_args=())
def _attend_backward(
    rows: Tensor, out: Tensor, grad_out: Tensor, log_sums: Tensor, first: Tensor, last: Tensor
) -> Tensor:
    """The gradient (N, 3, heads, head width) by the rows."""
    count, _, heads, width = rows.shape
    grad_rows, shifts = torch.empty_like(rows), torch.empty_like(log_sums)
    shape, grid = _shape(heads, width), _grid(count, heads)
    wrap_triton(_by_query)[grid](rows, out, grad_out, log_sums, shifts, grad_rows, first, count, **shape, num_stages=2)
    wrap_triton(_by_key)[grid](rows, grad_out, log_sums, shifts, grad_rows, last, count, **shape, num_stages=1)
    return grad_rows


def _shape(heads: int, width: int) -> dict[str, Any]:
    """Constants of the kernels, whose scores are in bits. An H100 was fastest with these tiles; they fit an L4."""
    return {"SCALE": width**-0.5 * LOG2_E, "HEADS": heads, "WIDTH": width, "QUERIES": TILE, "KEYS": TILE}


def _grid(count: int, heads: int) -> tuple[int, int]:
    return heads, triton.cdiv(count, TILE)


def _keep(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, *output)
    ctx.mark_non_differentiable(output[1])


def _gradient(ctx: Any, grad_out: Tensor, _: Tensor) -> tuple[Tensor, None, None]:
    rows, first, last, out, log_sums = ctx.saved_tensors
    return _attend_backward(rows, out, grad_out.contiguous(), log_sums, first, last), None, None


_attend.register_autograd(_gradient, setup_context=_keep)


def attend_histories(rows: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """Attention (N, heads, head width) of queries, keys and values (N, 3, heads, head width), contiguous.

    A row sees those of its history up to itself; int32 (N,) `first` is the number of its history's first row, `last`
    that after its last one.
    """
    return _attend(rows, first, last)[0]
