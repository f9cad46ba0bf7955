"""From the hidden states of windows to one vector for each beginning of a history.

Functions import torch when they run: commands list the names of poolings in their help, which must not load it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args

from domaintoolkit.errors import LookupFailedError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["DEFAULT_POOLING", "POOLINGS", "Pooler", "Pooling", "PoolingName", "find_pooler", "pool_mean"]


class Pooler(Protocol):
    """A pooling of its own, such as a trained one."""

    @property
    def width(self) -> int:
        """Numbers of a vector."""
        ...

    def __call__(self, hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
        """(n, width): vector i pools the positions 0 to `ends[i]` of row `rows[i]` of `hidden` (B, T, model width).

        Positions after `ends[i]` are the future, or padding.
        """
        ...


PoolingName = Literal["mean", "trained", "last", "both"]
"""The mean of all positions; a mean whose weights the model was trained for; the last position; last and mean."""
POOLINGS: tuple[PoolingName, ...] = get_args(PoolingName)
DEFAULT_POOLING: PoolingName = "both"
"""The last position says what is going on, and the mean who it is: labels need the one or the other."""
Pooling = PoolingName | Pooler


def find_pooler(pooling: Pooling, model: Any) -> Pooler:
    """The pooling of this name for a model.

    Raises `LookupFailedError` for `trained` if the model has no such pooling: a token model, or one with `later` 0.
    """
    if not isinstance(pooling, str):
        return pooling
    functions = {"mean": (pool_mean, 1), "last": (_pool_last, 1), "both": (_pool_both, 2)}
    if pooling in functions:
        function, times = functions[pooling]
        return _Plain(times * model.config.width, function)
    later = getattr(model, "later", None)
    if pooling != "trained" or later is None:
        raise LookupFailedError("pooling of this model", pooling, functions)
    found: Pooler = later.pooling
    return found


@dataclass(frozen=True, slots=True)
class _Plain:
    """A pooling without parameters."""

    width: int
    function: Callable[[Tensor, Tensor, Tensor], Tensor]

    def __call__(self, hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
        return self.function(hidden, rows, ends)


def _pool_last(hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
    return hidden[rows, ends]


def _pool_both(hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
    import torch

    return torch.cat((_pool_last(hidden, rows, ends), pool_mean(hidden, rows, ends)), 1)


def pool_mean(hidden: Tensor, rows: Tensor, ends: Tensor) -> Tensor:
    """(n, width) the means of positions 0 to `ends[i]`: running sums serve all ends of a row."""
    import torch

    if len(rows) == len(hidden) and bool((rows == torch.arange(len(rows), device=rows.device)).all()):
        # one end a row needs no running sums, which take as much memory as `hidden`
        there = torch.arange(hidden.shape[1], device=hidden.device) <= ends[:, None]
        # a zero times NaN would be NaN, so padding is chosen away
        return torch.where(there[..., None], hidden, 0).sum(1) / (ends + 1)[:, None]
    return hidden.cumsum(1)[rows, ends] / (ends + 1)[:, None]
