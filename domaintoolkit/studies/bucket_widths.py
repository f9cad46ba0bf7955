"""Bits of values instead of buckets, so that different buckets of the same numbers compare."""

from __future__ import annotations

import numpy as np

from domaintoolkit.encoders.numeric.encoder import NumericEncoder
from domaintoolkit.grammar.places import BYTES
from domaintoolkit.storage import EncodedFolder
from domaintoolkit.tokenizer import DomainTokenizer

__all__ = ["width_bits"]


def width_bits(encoded: EncodedFolder, tokenizer: DomainTokenizer) -> float:
    """The bits to add to those of an event: the mean logarithm of the widths of its buckets, in grains.

    Within a bucket every value is taken to be equally likely, so a value costs the bucket's bits and the logarithm of
    the number of grains in it. The grain of a field is the smallest step between its values; it depends on the data
    alone, and so is the same for all ways of cutting them into buckets.
    """
    # (V,) over the events of the test split
    counts = np.zeros(len(tokenizer.vocabulary), np.int64)
    events = 0
    for rows in encoded.streams("test"):
        for row in rows.selected.tolist():
            counts += np.bincount(rows.ids[rows.offsets[row] : rows.offsets[row + 1]], minlength=len(counts))
        events += int((rows.event_offsets[rows.selected + 1] - rows.event_offsets[rows.selected]).sum())
    total = 0.0
    for bound in tokenizer.layout.events:
        encoder = bound.encoder
        if not isinstance(encoder, NumericEncoder) or len(encoder.values.values) < 2:
            continue
        steps = np.diff(np.unique(encoder.values.values))
        grain = float(steps[steps > 0].min()) if (steps > 0).any() else 1.0
        edges = np.array([encoder.scale.low, *encoder.scale.edges.tolist(), encoder.scale.high])  # (buckets + 1,)
        # (buckets,) a bucket is at least one grain wide, and `refine` cuts it into equal steps
        width = np.maximum(np.diff(edges) / encoder.spec.refine, grain)
        own = bound.ids[: len(bound.ids) - BYTES]
        buckets = own[[slot.kind == "bucket" for slot in encoder.slots]]
        total += float((counts[buckets] * np.log2(width / grain)).sum())
    return total / max(1, events)
