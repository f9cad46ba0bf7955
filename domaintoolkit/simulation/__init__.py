"""Simulated rows from what is known of each column by itself: no row and no rare value of the real table is in them."""

from domaintoolkit.simulation.marginal_sample import MarginalSample
from domaintoolkit.simulation.marginals import Counter, Marginal, Marginals

__all__ = ["Counter", "Marginal", "MarginalSample", "Marginals"]
