"""Encoders: the values of one field into tokens and back."""

from domaintoolkit.encoders.base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders.categorical.encoder import CATEGORICAL
from domaintoolkit.encoders.numeric.encoder import NUMERIC, NumericEncoder
from domaintoolkit.encoders.text.encoder import TEXT
from domaintoolkit.encoders.timestamp.anchor import Anchor, AnchorState
from domaintoolkit.encoders.timestamp.decoding import decode_instants
from domaintoolkit.encoders.timestamp.encoder import TIMESTAMP, TimestampEncoder

__all__ = [
    "BYTES",
    "CATEGORICAL",
    "NUMERIC",
    "TEXT",
    "TIMESTAMP",
    "Anchor",
    "AnchorState",
    "Cells",
    "Encoded",
    "Encoder",
    "EncoderType",
    "Lookup",
    "NumericEncoder",
    "Slot",
    "State",
    "TimestampEncoder",
    "decode_instants",
]
