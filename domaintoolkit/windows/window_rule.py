"""The start of windows of a tokenizer's streams."""

from __future__ import annotations

from functools import partial

import numpy as np

from domaintoolkit.grammar import Place, Syntax, WindowStart
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.anchor_ids import encode_anchors
from domaintoolkit.windows.packing import WindowRule

__all__ = ["plain_rule", "window_rule"]


def window_rule(tokenizer: DomainTokenizer) -> WindowRule:
    """The rule for streams of a tokenizer."""
    layout = tokenizer.layout
    start = WindowStart.of(layout.grammar, layout.no_delta)
    return WindowRule(start, None if layout.anchor is None else partial(encode_anchors, layout))


def plain_rule(syntax: Syntax) -> WindowRule:
    """The rule for ids without a tokenizer: later windows keep the anchor and the deltas of their history."""
    # one id, or none in a syntax without sessions; no id is -1
    session = np.flatnonzero(syntax.place == Place.SESSION)
    return WindowRule(
        WindowStart(syntax.place, int(session[0]) if len(session) else -1, int(Place.OTHER), int(Place.OTHER), -1)
    )
