"""The anchors of times, as ids."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from domaintoolkit.encoders import Anchor
from domaintoolkit.times.zones import YEARS_BEGIN
from domaintoolkit.tokenizer.layout import Layout
from domaintoolkit.util.ragged import offsets_of, positions

__all__ = ["encode_anchors"]


def encode_anchors(layout: Layout, times: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(ids, offsets (n + 1,)) of the anchors of n instants in µs, one after another; the schema has a time column."""
    bound = next(bound for bound in layout.header if bound.name is None)
    assert isinstance(bound.encoder, Anchor)
    ids: list[NDArray[Any]] = []
    starts, lengths = np.empty((2, len(times), len(bound.encoder.parts)), np.int64)  # (n, parts) each
    before = 0
    for part, cells in enumerate(bound.encoder.encode(np.maximum(times, YEARS_BEGIN))):
        # without offsets, each slot is a sequence
        bounds = np.arange(len(cells.slots) + 1) if cells.offsets is None else cells.offsets
        starts[:, part] = before + bounds[cells.codes]
        lengths[:, part] = np.diff(bounds)[cells.codes]
        ids.append(bound.ids[cells.slots])
        before += len(cells.slots)
    # (n * parts,) the sequences of each row lie in the order of its parts
    flat = np.concatenate(ids)[positions(starts.ravel(), lengths.ravel())]
    return flat, offsets_of(lengths.sum(1))
