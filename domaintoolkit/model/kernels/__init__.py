"""GPU kernels of our own, in Triton. Import the modules of this package only if `TRITON` is True.

Compact models are narrow: their products take about as long as reading and writing what goes in and out, so what
borders on a product is worth computing where the product is made. Each kernel is a torch operator, which eager code,
autograd and `torch.compile` all take. Each has a plain torch form next to it, which CPUs run and the tests on a GPU
compare it with.
"""

from __future__ import annotations

from importlib.util import find_spec

__all__ = ["TRITON"]

TRITON = find_spec("triton") is not None
"""True if Triton is installed: torch for CUDA comes with it, torch for CPUs does not."""
