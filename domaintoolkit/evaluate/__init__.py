"""What a model is worth: the cost of held-out events, beside baselines that are hard to beat."""

from domaintoolkit.evaluate.baselines import Baseline
from domaintoolkit.evaluate.model_comparison import Comparison, Difference, Row, baseline_scores, compare, fit_baselines
from domaintoolkit.evaluate.score import Score, gathered

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
