"""Encoders: the values of one field into tokens and back."""

from domaintoolkit.encoders.base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.bases import SymbolEncoder, WrappedEncoder
from domaintoolkit.encoders.categorical.encoder import CATEGORICAL
from domaintoolkit.encoders.numeric.encoder import INFINITE, NUMERIC, NumericEncoder
from domaintoolkit.encoders.numeric.grouped_encoder import GROUPED_NUMERIC, GroupedNumericEncoder, pair_columns
from domaintoolkit.encoders.text.encoder import TEXT
from domaintoolkit.encoders.timestamp.anchor import Anchor, AnchorState
from domaintoolkit.encoders.timestamp.decoding import decode_instants
from domaintoolkit.encoders.timestamp.encoder import TIMESTAMP, TimestampEncoder

__all__ = [
    "BYTES",
    "CATEGORICAL",
    "GROUPED_NUMERIC",
    "INFINITE",
    "NUMERIC",
    "TEXT",
    "TIMESTAMP",
    "Anchor",
    "AnchorState",
    "Cells",
    "Encoded",
    "Encoder",
    "EncoderType",
    "GroupedNumericEncoder",
    "Lookup",
    "NumericEncoder",
    "Slot",
    "State",
    "SymbolEncoder",
    "TimestampEncoder",
    "WrappedEncoder",
    "decode_instants",
    "pair_columns",
]
