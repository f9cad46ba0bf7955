"""Encoders: the values of one field into tokens and back."""

from domaintoolkit.encoders._base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Prepared, Slot, State

__all__ = ["BYTES", "Cells", "Encoded", "Encoder", "EncoderType", "Lookup", "Prepared", "Slot", "State"]
