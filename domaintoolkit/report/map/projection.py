"""Embeddings in two dimensions."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["project", "projection_name"]

Floats = NDArray[np.float64]

FEWEST = 30
"""Points below which neighbours say little, so that the plane of the largest spread is shown."""


def projection_name(count: int) -> str:
    """The method that `project` uses for so many points."""
    return "t-SNE" if count >= FEWEST and find_spec("openTSNE") is not None else "PCA"


def project(embeddings: NDArray[Any], seed: int = 0) -> Floats:
    """(n, 2): t-SNE if openTSNE is installed, else the two principal components; the same for the same input."""
    found = np.asarray(embeddings, np.float64)
    spread = found.std(0)
    # a dimension of the embedding that is the same for all is left at 0
    found = (found - found.mean(0)) / np.where(spread > 1e-9, spread, 1.0)
    components = _components(found, 50)
    if projection_name(len(found)) == "PCA":
        return np.asarray(components[:, :2])
    from openTSNE import TSNE

    # small, as t-SNE needs it, and from principal components, which keeps the large distances (Kobak and Berens 2019)
    start = components[:, :2] / max(1e-12, float(components[:, 0].std())) * 1e-4
    # openTSNE looks for three neighbours for each unit of perplexity, so there have to be more points than that
    perplexity = min(30.0, (len(found) - 1) / 3.5)
    made = TSNE(perplexity=perplexity, initialization=start, random_state=seed, n_jobs=1, verbose=False).fit(components)
    return np.asarray(made, np.float64)


def _components(values: Floats, most: int) -> Floats:
    """(n, components) in the order of their variance; the sign of each is such that its largest entry is positive."""
    left, sizes, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    found = left[:, :most] * sizes[:most]
    if found.shape[1] < 2:
        found = np.pad(found, ((0, 0), (0, 2 - found.shape[1])))
    signs = np.sign(found[np.abs(found).argmax(0), np.arange(found.shape[1])])
    return np.asarray(found * np.where(signs == 0, 1, signs))
