"""Composite tokens: learned merges over the fields of an event and over neighbouring events (ActionPiece)."""

from domaintoolkit.composite._learn import RecountError, extend, learn
from domaintoolkit.composite._model import CompositeModel, Piece
from domaintoolkit.composite._names import Heavy, composite_keys, composite_names, heaviest, share_emitted
from domaintoolkit.composite._published import PublishedVocabulary
from domaintoolkit.composite._segment import Segmenter
from domaintoolkit.composite._streams import Arrays
from domaintoolkit.composite._tables import Grammar

__all__ = [
    "Arrays",
    "CompositeModel",
    "Grammar",
    "Heavy",
    "Piece",
    "PublishedVocabulary",
    "RecountError",
    "Segmenter",
    "composite_keys",
    "composite_names",
    "extend",
    "heaviest",
    "learn",
    "share_emitted",
]
