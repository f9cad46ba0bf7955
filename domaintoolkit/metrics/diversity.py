"""Measures of how evenly counts are spread over values."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["entropy"]


def entropy(counts: NDArray[np.integer]) -> float:
    """Bits of a value that occurs with these counts; 0 for no counts."""
    shares = counts[counts > 0] / max(1, int(counts.sum()))
    return float(-(shares * np.log2(shares)).sum())
