"""What a model is worth: the cost of held-out events, beside baselines that are hard to beat."""

from domaintoolkit.evaluate._baselines import Baseline
from domaintoolkit.evaluate._compare import Comparison, Difference, Row, baseline_scores, compare, fit_baselines
from domaintoolkit.evaluate._score import Score, gathered

__all__ = [
    "Baseline",
    "Comparison",
    "Difference",
    "Row",
    "Score",
    "baseline_scores",
    "compare",
    "fit_baselines",
    "gathered",
]
