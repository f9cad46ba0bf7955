"""The start of windows of a tokenizer's streams."""

from __future__ import annotations

from functools import partial

from domaintoolkit.grammar import WindowStart
from domaintoolkit.tokenizer import DomainTokenizer
from domaintoolkit.tokenizer.anchor_ids import encode_anchors
from domaintoolkit.windows.packing import WindowRule

__all__ = ["window_rule"]


def window_rule(tokenizer: DomainTokenizer) -> WindowRule:
    """The rule for streams of a tokenizer."""
    layout = tokenizer.layout
    start = WindowStart.of(layout.grammar, layout.no_delta)
    return WindowRule(start, None if layout.anchor is None else partial(encode_anchors, layout))
