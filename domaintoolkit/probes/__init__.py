"""What embeddings are worth on labels: probes, hand-made aggregates, intervals and a verdict.

Needs the extra `evaluate`: scikit-learn and LightGBM do the fitting, and are imported when they are used.
"""

from domaintoolkit.probes.evaluation import evaluate_labels, evaluate_sources
from domaintoolkit.probes.label_report import Estimate, LabelEvaluation, ProbeResult
from domaintoolkit.probes.probe_fitting import ProbeSettings

__all__ = ["Estimate", "LabelEvaluation", "ProbeResult", "ProbeSettings", "evaluate_labels", "evaluate_sources"]
