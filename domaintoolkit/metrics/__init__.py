"""Figures that several evaluations share: rankings of classes, calibration, entropy, and intervals by bootstrap."""

from domaintoolkit.metrics.bootstrap import count_groups, estimate_interval, resample, student_95
from domaintoolkit.metrics.class_ranking import RankedClass, area_under_curve, average_precision
from domaintoolkit.metrics.diversity import entropy
from domaintoolkit.metrics.medians import weighted_median
from domaintoolkit.metrics.reliability import Reliability

__all__ = [
    "RankedClass",
    "Reliability",
    "area_under_curve",
    "average_precision",
    "count_groups",
    "entropy",
    "estimate_interval",
    "resample",
    "student_95",
    "weighted_median",
]
