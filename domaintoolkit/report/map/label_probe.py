"""The probe of `evaluate`, asked for a group of entities instead of a label: fitted on training entities only."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.metrics import area_under_curve
from domaintoolkit.probes import ProbeRows, ProbeSettings, fit_probe
from domaintoolkit.streams.keys import SPLITS

__all__ = ["FEWEST", "has_probes", "probe_group"]

Flags = NDArray[np.bool_]

FEWEST = 10
"""Entities inside and outside of the group, in training and in test, below which nothing is fitted."""


def has_probes() -> bool:
    """True if scikit-learn, which fits the probe, is installed."""
    return find_spec("sklearn") is not None


def probe_group(embeddings: NDArray[np.floating], flags: Flags, splits: NDArray[np.str_]) -> float:
    """The AUROC on test entities of a linear probe, as `evaluate --labels` gives it for the same entities.

    It is fitted on the training entities, and its penalty is chosen on those of validation. NaN if one of the two
    groups is too small.
    """
    rows = {}
    for name in SPLITS:
        own = splits == name
        inside = int(flags[own].sum())
        if (name != "validation" and min(inside, int(own.sum()) - inside) < FEWEST) or not own.any():
            return float("nan")
        rows[name] = ProbeRows(
            embeddings[own].astype(np.float32), flags[own].astype(np.float64), np.ones(int(own.sum()))
        )
    fitted = fit_probe("linear", "binary", 2, rows, ProbeSettings(probes=("linear",)))
    return area_under_curve(fitted.predictions[0], flags[splits == "test"])
