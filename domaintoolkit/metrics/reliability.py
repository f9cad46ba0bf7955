"""Calibration: confidence against how often it was right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Reliability"]


@dataclass(frozen=True, slots=True)
class Reliability:
    """Confidence against how often it was right, in bins of rising confidence, without bins that are empty."""

    confidence: tuple[float, ...]
    right: tuple[float, ...]
    cases: tuple[int, ...]

    @classmethod
    def of_sums(cls, cases: ArrayLike, confidence: ArrayLike, right: ArrayLike) -> Reliability:
        """From each bin's number of cases, sum of confidence and number that were right, (bins,) each."""
        counts, sums, hits = (np.asarray(each, np.float64) for each in (cases, confidence, right))
        full = counts > 0
        counts = counts[full]
        return cls(
            tuple((sums[full] / counts).tolist()),
            tuple((hits[full] / counts).tolist()),
            tuple(counts.astype(np.int64).tolist()),
        )

    @property
    def error(self) -> float:
        """Expected calibration error: the mean distance of confidence and accuracy, weighted by the bins' cases."""
        # Naeini et al. 2015
        far = sum(abs(a - b) * size for a, b, size in zip(self.confidence, self.right, self.cases, strict=True))
        return far / max(1, sum(self.cases))
