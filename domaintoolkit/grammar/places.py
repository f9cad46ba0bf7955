"""`Place`: the tokens that belong to no single part of a stream."""

from enum import IntEnum

__all__ = ["BYTES", "Place"]

BYTES = 256
"""Byte tokens, which all parts share: any of them may continue a sequence that is spelled."""


class Place(IntEnum):
    """The place of a token that belongs to no single part; part p of header and events has the place p, from 0.

    Saved models hold these numbers, so they stay as they are.
    """

    BYTE = -1
    """Continues whatever part comes before it."""
    BOS = -2
    """Begins a stream."""
    PAD = -3
    """Stands in no stream."""
    SESSION = -4
    """Precedes the first event of a session, unless it is the first event of the stream."""
    COMPOSITE = -5
    """Replaces tokens of event parts, of one event or of neighbouring ones."""
    OTHER = -6
    """Stands in no stream: a custom token."""
