"""What embeddings are worth on labels: probes, hand-made aggregates, intervals and a verdict.

Needs the extra `evaluate`: scikit-learn and LightGBM do the fitting, and are imported when they are used.
"""

from domaintoolkit.probes.label_report import Estimate, LabelEvaluation, ProbeResult
from domaintoolkit.probes.probe_fitting import ProbeSettings
from domaintoolkit.probes.source_comparison import evaluate_labels, evaluate_sources

__all__ = ["Estimate", "LabelEvaluation", "ProbeResult", "ProbeSettings", "evaluate_labels", "evaluate_sources"]
