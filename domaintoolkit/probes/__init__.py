"""The worth of embeddings on labels: probes, hand-made aggregates, intervals and a verdict.

Needs the extra `evaluate`: scikit-learn and LightGBM do the fitting, and are imported when they are used.
"""

from domaintoolkit.probes.label_report import Estimate, LabelEvaluation, ProbeResult
from domaintoolkit.probes.probe_fitting import ProbeRows, ProbeSettings, check_extra, fit_probe
from domaintoolkit.probes.source_comparison import evaluate_labels, evaluate_sources
from domaintoolkit.probes.untrained import untrained_twin

__all__ = [
    "Estimate",
    "LabelEvaluation",
    "ProbeResult",
    "ProbeRows",
    "ProbeSettings",
    "check_extra",
    "evaluate_labels",
    "evaluate_sources",
    "fit_probe",
    "untrained_twin",
]
