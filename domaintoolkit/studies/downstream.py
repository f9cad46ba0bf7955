"""Embeddings for other tasks: predicting a label, and finding robots without labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.clusters import find_clusters, flag_clusters
from domaintoolkit.model import EventModel, TokenModel, embed
from domaintoolkit.report.map.separation import probe_auroc
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["invalidation_rate", "probe_labels"]

Floats = NDArray[np.float64]

MOST = 6_000
"""Entities that are embedded."""
CLUSTERS = 40
FALSE_POSITIVES = 0.01
"""Share of the events with a conversion that may be flagged."""


def probe_labels(model: TokenModel | EventModel, encoded: EncodedFolder, tokenizer: DomainTokenizer) -> dict[str, Any]:
    """AUROC of a probe for each yes-or-no label (is it ever true?), and the invalidation rate for the first of them."""
    ids: list[NDArray[Any]] = []
    labels: dict[str, list[list[Any]]] = {}
    for rows in encoded.streams():
        if "labels" not in rows.table.schema.names:
            return {}
        chosen = np.arange(rows.table.num_rows)[: MOST - len(ids)]
        ids += [rows.ids[rows.offsets[row] : rows.offsets[row + 1]] for row in chosen.tolist()]
        for entry in rows.table["labels"].slice(0, len(chosen)).to_pylist():
            for name, values in entry.items():
                labels.setdefault(name, []).append(values or [])
    offsets = np.cumsum([0, *map(len, ids)])
    segmenter = tokenizer.segmenter if model.config.composites else None
    vectors = embed(model, np.concatenate(ids).astype(np.int64), offsets, "mean", None, segmenter).astype(np.float64)
    found: dict[str, Any] = {}
    for name, values in labels.items():
        flat = {value for each in values for value in each if value is not None}
        # labels of other values do not ask for yes or no
        if not flat or not flat <= {0, 1}:
            continue
        hits = np.array([sum(map(bool, each)) for each in values])
        found[f"auroc.{name}"] = probe_auroc(vectors, hits > 0)
        if "invalidation" not in found:
            found["invalidation"] = invalidation_rate(vectors, np.array([len(each) for each in values]), hits)
    return found


def invalidation_rate(vectors: Floats, events: NDArray[np.int64], conversions: NDArray[np.int64]) -> float:
    """The share of events in clusters that look robotic, at a fixed share of flagged conversions.

    Embeddings are clustered; clusters are flagged from the lowest rate of conversions on, as long as at most one in a
    hundred conversions is flagged with them. Entities that convert stand for people, since no one knows who is one.
    """
    if not conversions.sum():
        return float("nan")
    count = min(CLUSTERS, len(vectors))
    cluster = find_clusters(vectors, count)
    clicks, hits = (np.bincount(cluster, each, count) for each in (events, conversions))  # (clusters,)
    made = flag_clusters(cluster, 1 - hits / np.maximum(clicks, 1), conversions, FALSE_POSITIVES)
    return float(clicks[made.flagged].sum() / max(1, events.sum()))
