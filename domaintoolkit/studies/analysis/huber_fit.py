"""Positive coefficients of a sum of terms, fitted by a Huber loss on logarithms from several starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["fit_terms"]

Floats = NDArray[np.float64]
Terms = Callable[[Floats], tuple[Floats, Sequence[Floats]]]
"""From coefficients to (the sum of the terms at each point (n,), its derivative by the logarithm of each)."""

DELTA = 1e-3
"""The error from which on the Huber loss grows with the absolute value instead of the square."""


def fit_terms(
    terms: Terms, logarithms: Floats, starts: Sequence[Sequence[float]], bounds: Sequence[tuple[float, float]]
) -> Floats:
    """The coefficients of the best fit from each start; `bounds` are those of their logarithms.

    `logarithms` (n,) are those of the values that the sum of the terms is to have.
    """
    from scipy.optimize import minimize

    def cost(parameters: Floats) -> tuple[float, Floats]:
        # the logarithms of coefficients are fitted, which keeps these positive
        made, derivatives = terms(np.exp(np.clip(parameters, -40, 40)))
        # (n,)
        error = np.log(made) - logarithms
        small = np.abs(error) <= DELTA
        loss = np.where(small, 0.5 * error**2, DELTA * (np.abs(error) - 0.5 * DELTA)).sum()
        # (n,) the derivative of the loss by each sum; the terms give theirs by the logarithms of coefficients
        slope = np.clip(error, -DELTA, DELTA) / made
        gradient = np.array([(slope * each).sum() for each in derivatives])
        # divided, so that the search's own limits fit numbers near 1
        return float(loss) / DELTA**2, gradient / DELTA**2

    found = [minimize(cost, np.log(start), jac=True, method="L-BFGS-B", bounds=bounds) for start in starts]
    return np.asarray(np.exp(min(found, key=lambda each: float(each.fun)).x), np.float64)
