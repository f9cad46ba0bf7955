"""From text and typed columns to values: the one parser of instants, numbers and booleans."""

from domaintoolkit.values.instants import to_microsecond, to_microseconds
from domaintoolkit.values.prepared import Prepared
from domaintoolkit.values.time_formats import write_formatted

__all__ = ["Prepared", "to_microsecond", "to_microseconds", "write_formatted"]
