"""Encoders: the values of one field into tokens and back."""

from domaintoolkit.encoders._anchor import Anchor, AnchorState
from domaintoolkit.encoders._base import BYTES, Cells, Encoded, Encoder, EncoderType, Lookup, Slot, State
from domaintoolkit.encoders._categorical import CATEGORICAL
from domaintoolkit.encoders._instants import decode_instants
from domaintoolkit.encoders._numeric import NUMERIC
from domaintoolkit.encoders._prepared import Prepared
from domaintoolkit.encoders._text import TEXT
from domaintoolkit.encoders._times import to_microsecond, to_microseconds
from domaintoolkit.encoders._timestamp import TIMESTAMP, TimestampEncoder
from domaintoolkit.encoders._zones import ZoneTable, zone_table

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
    "Prepared",
    "Slot",
    "State",
    "TimestampEncoder",
    "ZoneTable",
    "decode_instants",
    "to_microsecond",
    "to_microseconds",
    "zone_table",
]
