"""From text and typed columns to values: the one parser of instants, numbers and booleans."""

from domaintoolkit.values.instants.column_instants import to_microseconds
from domaintoolkit.values.instants.single_instants import to_microsecond
from domaintoolkit.values.instants.time_formats import write_formatted
from domaintoolkit.values.prepared import Prepared

__all__ = ["Prepared", "to_microsecond", "to_microseconds", "write_formatted"]
