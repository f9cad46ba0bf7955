"""Composite tokens: learned merges over the fields of an event and over neighbouring events (ActionPiece)."""

from domaintoolkit.composite.composite_model import CompositeModel, CompositePart
from domaintoolkit.composite.interpretation import interpret
from domaintoolkit.composite.learning import MemoryLimitError, RecountError, extend, learn
from domaintoolkit.composite.names import Heavy, composite_keys, composite_names, heaviest, share_emitted
from domaintoolkit.composite.published import PublishedVocabulary
from domaintoolkit.composite.segmenter import Segmenter
from domaintoolkit.composite.stream_arrays import Arrays, StreamArrays

__all__ = [
    "Arrays",
    "CompositeModel",
    "CompositePart",
    "Heavy",
    "MemoryLimitError",
    "PublishedVocabulary",
    "RecountError",
    "Segmenter",
    "StreamArrays",
    "composite_keys",
    "composite_names",
    "extend",
    "heaviest",
    "interpret",
    "learn",
    "share_emitted",
]
