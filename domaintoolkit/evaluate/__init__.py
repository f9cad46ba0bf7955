"""The cost of held-out events under a model, and under baselines that are hard to beat."""

from domaintoolkit.evaluate.baselines import Baseline
from domaintoolkit.evaluate.model_comparison import (
    Difference,
    FieldCost,
    ModelComparison,
    Row,
    baseline_scores,
    compare,
    fit_baselines,
)
from domaintoolkit.evaluate.score import Score, score_model

__all__ = [
    "Baseline",
    "Difference",
    "FieldCost",
    "ModelComparison",
    "Row",
    "Score",
    "baseline_scores",
    "compare",
    "fit_baselines",
    "score_model",
]
