"""Encoders: the values of one field into tokens and back."""

from domaintoolkit.encoders._base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Prepared, Slot, State
from domaintoolkit.encoders._categorical import CATEGORICAL
from domaintoolkit.encoders._numeric import NUMERIC

__all__ = [
    "BYTES",
    "CATEGORICAL",
    "NUMERIC",
    "Cells",
    "Encoded",
    "Encoder",
    "EncoderType",
    "Lookup",
    "Prepared",
    "Slot",
    "State",
]
