"""Token streams in memory, and the hash of an entity key."""

from domaintoolkit.streams.streams import Counts, Streams, id_type

__all__ = ["Counts", "Streams", "id_type"]
